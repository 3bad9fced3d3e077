//! Images as names: a node opens one, by one opener at a time.
//!
//! The table is the in-memory model of image locking: it says *conflict* where a second opener would find the
//! byte-range locks of the first. An image is closed when its [`OpenImage`] is dropped.
//!
//! # Not here
//! Real files and their locks; shared permissions.

use std::collections::BTreeMap;
use std::fmt;

use crate::sync::{Arc, Mutex, Named, lock};

/// The images of one machine.
pub struct ImageTable {
    /// Who has each open image.
    open: Mutex<BTreeMap<String, String>>,
}

/// An open image. Dropping it closes it.
pub struct OpenImage {
    table: Arc<ImageTable>,
    image: String,
}

/// Why an image cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The image.
    pub image: String,
    /// The node that has it open.
    pub holder: String,
}

impl ImageTable {
    /// A table in which nothing is open.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(ImageTable { open: Mutex::new(BTreeMap::new()).named(&"images") })
    }

    /// Opens an image for the node `holder`.
    ///
    /// # Errors
    /// If another node has it open.
    pub fn open(self: &Arc<Self>, image: &str, holder: &str) -> Result<OpenImage, Conflict> {
        let mut open = lock(&self.open);
        if let Some(other) = open.get(image) {
            return Err(Conflict { image: image.to_owned(), holder: other.clone() });
        }
        open.insert(image.to_owned(), holder.to_owned());
        Ok(OpenImage { table: Arc::clone(self), image: image.to_owned() })
    }

    /// The images that are open.
    #[must_use]
    pub fn open_images(&self) -> Vec<String> {
        lock(&self.open).keys().cloned().collect()
    }
}

impl Drop for OpenImage {
    fn drop(&mut self) {
        lock(&self.table.open).remove(&self.image);
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Failed to get \"write\" lock: node `{}` has image [{image}] open\nIs another process using the \
             image [{image}]?",
            self.holder,
            image = self.image
        )
    }
}

impl std::error::Error for Conflict {}

impl fmt::Debug for ImageTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageTable").finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenImage").field("image", &self.image).finish_non_exhaustive()
    }
}
