"""What the headers of DICOM files say, read without trusting them; no pixel is decoded here."""
