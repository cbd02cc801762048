"""The tab of the models."""
