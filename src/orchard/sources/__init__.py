"""Where projects come from besides a directory: Hugging Face, Git. Bytes stream from there into layers."""
