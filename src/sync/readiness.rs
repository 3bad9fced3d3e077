//! What a descriptor can be ready for: a plain value, the same on each backend.

bitflags::bitflags! {
    /// What a handler of a descriptor is interested in, and what it is told.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Readiness: u8 {
        /// Reading does not block: there is something to read, or the other end is gone.
        const READABLE = 1;
        /// Writing does not block.
        const WRITABLE = 2;
    }
}
