"""Pure domain code: no files, no Qt, no Paddle, no pydicom."""
