//! How a primitive knows which object of the running execution it is.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::execution::object::ObjectState;
use crate::execution::operation::{ObjectId, Operation, OperationKind};
use crate::execution::with;

/// A primitive's registration. It is made anew in each execution that uses the primitive, so that one that was
/// made outside can be used inside; its number is decided by what ran before.
pub(crate) struct Handle {
    /// Epoch and number, `0` for never.
    registered: AtomicU64,
    made_at: &'static Location<'static>,
    /// What few primitives have: they are made and dropped often, so the others pay for one place only.
    rare: OnceLock<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
    name: Option<String>,
    late: OnceLock<Arc<AtomicU64>>,
}

impl Handle {
    /// A handle for a primitive made at the caller's place. Registers at once inside an execution.
    #[track_caller]
    pub(crate) fn new(state: impl FnOnce() -> ObjectState) -> Self {
        let made_at = Location::caller();
        let handle = Handle { registered: AtomicU64::new(0), made_at, rare: OnceLock::new() };
        handle.id(state);
        handle
    }

    /// Gives it a name to read.
    pub(crate) fn set_name(&mut self, name: &dyn fmt::Display) {
        let name = name.to_string();
        let registered = self.registered.load(Ordering::Relaxed);
        with(|execution| {
            if let Some(id) = in_epoch(registered, execution.epoch) {
                execution.objects[id].name = Some(name.clone());
            }
        });
        let mut rare = self.rare.take().unwrap_or_default();
        rare.name = Some(name);
        self.rare = OnceLock::from(rare);
    }

    /// Where the bits of an atomic are from the first store on that was held back: who performs that may not have
    /// the atomic.
    #[inline]
    pub(crate) fn late(&self) -> Option<&AtomicU64> {
        self.rare.get().and_then(|rare| rare.late.get()).map(|late| &**late)
    }

    /// The same, from now on, beginning with `bits`.
    pub(crate) fn late_from(&self, bits: impl FnOnce() -> u64) -> Arc<AtomicU64> {
        let rare = self.rare.get_or_init(Box::default);
        Arc::clone(rare.late.get_or_init(|| Arc::new(AtomicU64::new(bits()))))
    }

    /// The bits are elsewhere again.
    pub(crate) fn end_late(&mut self) {
        if let Some(mut rare) = self.rare.take() {
            rare.late.take();
            self.rare = OnceLock::from(rare);
        }
    }

    fn name(&self) -> Option<String> {
        self.rare.get()?.name.clone()
    }

    /// Its object, made by `state` if this execution does not know it. `None` outside.
    pub(crate) fn id(&self, state: impl FnOnce() -> ObjectState) -> Option<ObjectId> {
        with(|execution| {
            let registered = self.registered.load(Ordering::Relaxed);
            in_epoch(registered, execution.epoch).unwrap_or_else(|| {
                let id = execution.add_object(state(), self.name(), self.made_at);
                let registered = (u64::from(execution.epoch) << 32) | u64::from(id.0);
                self.registered.store(registered, Ordering::Relaxed);
                id
            })
        })
    }
}

fn in_epoch(registered: u64, epoch: u32) -> Option<ObjectId> {
    let number = u32::try_from(registered & u64::from(u32::MAX)).expect("masked");
    (registered >> 32 == u64::from(epoch)).then_some(ObjectId(number))
}

/// An operation on one object at this place. (Closures do not know their function's caller.)
pub(crate) fn on(
    object: ObjectId,
    kind: OperationKind,
    at: &'static Location<'static>,
) -> Operation {
    Operation { kind, object: Some(object), second: None, location: at }
}
