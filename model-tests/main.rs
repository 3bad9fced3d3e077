//! Tests of the project as a whole: what must not compile, and what the text of the tree must keep.

mod tidy;
mod ui;
