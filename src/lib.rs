//! The block-graph reader/writer lock with deferred unref.
//!
//! Many threads read the graph of block nodes on every request; the main loop changes it now and then. What a
//! change drops is let go when the lock has been released and the readers are on their way again, and before the
//! unlock returns, so that whoever reopens an image afterwards finds it closed.
//!
//! ```
//! use graphlock::driver::{Null, Raw};
//! use graphlock::graph::BlockGraph;
//! use graphlock::graph_lock::Deferral;
//! use graphlock::image::ImageTable;
//! use graphlock::event_loop::MainLoop;
//!
//! let mut main = MainLoop::new();
//! let images = ImageTable::new();
//! let graph = BlockGraph::new(&main, Deferral::List);
//! let parent = graph.create_node(&main, "disk", Raw::new());
//! let image = images.open("base.img", "base").unwrap();
//! let child = graph.create_node(&main, "base", Null::new(Some(image)));
//!
//! let mut section = graph.lock().write(&mut main);
//! graph.attach_child(&mut section, &parent, "file", child).unwrap();
//! section.unlock();
//!
//! let mut section = graph.lock().write(&mut main);
//! let child = graph.detach_child(&mut section, &parent, "file").unwrap();
//! section.schedule_unref(child);
//! section.unlock();
//! assert!(images.open_images().is_empty(), "closed when the unlock returns");
//!
//! graph.unref(&mut main, parent);
//! graph.shutdown(&mut main).unwrap();
//! ```
//!
//! # When not to use it
//! Where writers are frequent: a writer waits for the main loop and for every reader. `docs/` has the protocol, the
//! orderings and what has been shown of them.

mod sync;

pub mod coroutine;
pub mod driver;
pub mod event_loop;
pub mod graph;
pub mod graph_lock;
pub mod image;
mod mutation;
pub mod permission;

#[cfg(any(test, feature = "on-harness", feature = "on-loom", feature = "on-std"))]
#[path = "../model-tests/mod.rs"]
pub mod model_tests;
