//! Two fences for the two sides of a store-buffering pair, in production: the side that runs often pays for a
//! compiler fence, the side that runs seldom has the kernel execute a full fence on every processor that runs a
//! thread of this process. Counterpart: `smp_mb_placeholder` and `smp_mb_global`.
//!
//! # Why this is a full fence on both sides
//! The light side keeps the compiler from moving its accesses, and nothing else. The heavy side interrupts it at some
//! point between two of its instructions, and a full fence is executed right there. If that point lies behind the light
//! side's store, the heavy side sees it afterwards; if it lies before that, the light side's load comes after what
//! the heavy side has stored. A thread that does not run has executed a full fence when it was taken off.
//!
//! # Cases
//! * The kernel lets us: light is a compiler fence, heavy is `membarrier(PRIVATE_EXPEDITED)`.
//! * It does not, for it is old, was built without it, or a filter of system calls is against it: both are full fences.
//!
//! # Invariants
//! * The kernel is asked once in a process. Who finds on the light side that it lets us may rely on every heavy fence:
//!   each of them waits for the same answer. Who does not know yet executes a full fence, which suits both.
//!
//! # Not here
//! A way back. A program that forbids `membarrier` to itself after its first event loop breaks its own light sides, so
//! the next heavy fence ends it with a panic.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

use rustix::thread::{MembarrierCommand, MembarrierQuery, membarrier, membarrier_query};

/// Every heavy fence reaches all threads. Set once, before the first of them has its answer.
static REACHES_ALL: AtomicBool = AtomicBool::new(false);

/// The kernel's answer.
static ANSWER: OnceLock<bool> = OnceLock::new();

/// Asks the kernel, if nobody has. It is cheapest while the process has one thread, so an event loop asks when it is
/// made.
pub(crate) fn choose_fences() -> bool {
    *ANSWER.get_or_init(|| {
        let needed =
            MembarrierQuery::PRIVATE_EXPEDITED | MembarrierQuery::REGISTER_PRIVATE_EXPEDITED;
        let register = MembarrierCommand::RegisterPrivateExpedited;
        let try_out = MembarrierCommand::PrivateExpedited;
        let granted = membarrier_query().contains(needed)
            && membarrier(register).and_then(|()| membarrier(try_out)).is_ok();
        REACHES_ALL.store(granted, Ordering::Relaxed);
        granted
    })
}

/// The fence of the side that runs often. Its partner executes [`fence_heavy`].
#[inline(always)]
pub(crate) fn fence_light() {
    if REACHES_ALL.load(Ordering::Relaxed) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The fence of the side that runs seldom. Its partner executes [`fence_light`], or this one.
///
/// # Panics
/// If the kernel takes back what it has granted.
pub(crate) fn fence_heavy() {
    // The call orders the caller, too; these two say so to the compiler, and are all there is if it was not granted.
    fence(Ordering::SeqCst);
    if choose_fences() {
        membarrier(MembarrierCommand::PrivateExpedited).unwrap_or_else(|error| {
            panic!(
                "the kernel refuses `membarrier`, which it granted when the first event loop was made: forbid it \
                 before that, or not at all: {error}"
            )
        });
        fence(Ordering::SeqCst);
    }
}
