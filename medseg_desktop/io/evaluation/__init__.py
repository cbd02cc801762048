"""The folder of an evaluation: its record, report, tables and pictures."""
