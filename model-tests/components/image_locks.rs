//! Openers of one image that want what does not go together, on the table in memory.

use graphlock_harness::scenario::{Parameters, Property, Scenario, always};

use super::component;
use crate::image::{Image, MemoryImage, MemoryImages, Mode};
use crate::permission::{Access, Permissions};
use crate::sync::note::Note;
use crate::sync::{Arc, model};

const EXCLUDE: &[Property] = &[Property::always("image-locks-exclude")];
const NO_WINDOW: &[Property] = &[Property::always("image-locks-have-no-window")];

/// Writes, and lets nobody else write.
const WRITES_ALONE: Access =
    Access { used: Permissions::WRITE, shared: Permissions::all().difference(Permissions::WRITE) };

pub(super) fn all() -> Vec<Scenario> {
    vec![
        component(
            "image_openers_meet",
            "two openers of an image each want to be the only one that writes",
            EXCLUDE,
            &["image-lock-taken", "image-lock-conflict"],
            image_openers_meet,
        ),
        component(
            "image_readers_upgrade",
            "two readers of an image each want to become the only one that writes, and fall back to reading",
            EXCLUDE,
            &["image-lock-taken", "image-lock-conflict"],
            image_readers_upgrade,
        ),
        component(
            "image_reopens",
            "an opener that lets nobody write reopens the image to write, while another tries to write",
            NO_WINDOW,
            &["image-lock-taken-over", "image-lock-conflict"],
            image_reopens,
        ),
    ]
}

fn open(images: &MemoryImages) -> Arc<MemoryImage> {
    Arc::new(images.open("disk", Mode::ReadWrite).expect("it has been created"))
}

fn machine() -> Arc<MemoryImages> {
    let images = MemoryImages::new();
    images.create("disk", 0).expect("nobody has it open");
    images
}

/// Prepares and ends it. What succeeds stays until the execution ends.
fn try_to_hold(image: &dyn Image, access: Access) -> bool {
    let prepared = image.prepare(access).is_ok();
    if prepared {
        let still_locked = image.commit();
        assert!(still_locked.is_empty(), "{still_locked:?}");
    }
    prepared
}

/// Each of two openers that hold `before` wants to be the one that writes.
fn two_want_to_write(before: Access) {
    let images = machine();
    let writers = Note::default();
    let openers = [open(&images), open(&images)];
    for opener in &openers {
        assert!(try_to_hold(&**opener, before), "nobody minds");
    }
    for opener in &openers {
        let (opener, writers) = (Arc::clone(opener), writers.clone());
        model::spawn("opener", move || {
            if try_to_hold(&*opener, WRITES_ALONE) {
                writers.add(1);
                always("image-locks-exclude", writers.get() == 1, writers.get());
            }
        });
    }
    model::finish(move || {
        drop(openers);
        format!("{} write", writers.get())
    });
}

fn image_openers_meet(_: &Parameters) {
    two_want_to_write(Access::NONE);
}

fn image_readers_upgrade(_: &Parameters) {
    two_want_to_write(Access { used: Permissions::CONSISTENT_READ, shared: Permissions::all() });
}

fn image_reopens(_: &Parameters) {
    let images = machine();
    let (first, other) = (open(&images), open(&images));
    let reads = Access { used: Permissions::CONSISTENT_READ, shared: WRITES_ALONE.shared };
    assert!(try_to_hold(&*first, reads), "nobody else has it open");
    let attempt = Arc::clone(&other);
    model::spawn("other", move || {
        let writes = Access { used: Permissions::WRITE, shared: Permissions::all() };
        let wrote = try_to_hold(&*attempt, writes);
        always("image-locks-have-no-window", !wrote, "the other opener got in");
    });
    // The other's attempt may be in the way, and then all stays as it was.
    let second = first.reopen(Mode::ReadWrite, WRITES_ALONE);
    let state = if second.is_ok() { "reopened" } else { "not reopened" };
    if second.is_ok() {
        drop(first);
        model::finish(move || {
            drop((second, other));
            state.to_owned()
        });
    } else {
        model::finish(move || {
            drop((first, other));
            state.to_owned()
        });
    }
}
