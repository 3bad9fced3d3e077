//! How programs are drawn and shrunk.
