//! The bare graph lock: reader counters, writer flag, a queue of sleeping readers, a kick; no machinery around it. It
//! is the program on which engines are compared, since it exists on each of them.
//!
//! A reader counts itself, then looks for a writer; if there is one it takes itself back, kicks the writer, and sleeps in the
//! queue under the list lock. The writer, under the same lock, raises its flag when all counters are 0, and
//! sleeps until it is kicked when they are not. Flag down, it wakes the queue.
//!
//! The parameters are readers, sections of each, and write sections. Nobody has published these counts: they are what this
//! engine finds; enumeration without reduction finds the same 16 for (1,1,1).

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use super::super::door::{AtomicI32, Condvar, Mutex, spawn};
use super::{Numbers, Program, complete, numbers};

/// The programs of this file.
pub(super) fn all() -> Vec<Program> {
    vec![
        complete("bare lock(1,1,1)", 3, 16, || bare_lock(1, 1, 1)),
        complete("bare lock(2,1,1)", 4, 627, || bare_lock(2, 1, 1)),
        complete("bare lock(2,1,2)", 4, 258_745, || bare_lock(2, 1, 2)),
        complete("bare lock(2,2,1)", 4, 58_691, || bare_lock(2, 2, 1)),
        complete("bare lock(3,1,1)", 5, 74_313, || bare_lock(3, 1, 1)),
    ]
}

struct Lock {
    /// One counter for each reader's loop.
    readers: Numbers,
    has_writer: AtomicI32,
    /// The list lock, with the number of the wake that sleepers wait for.
    queue: Mutex<u32>,
    woken: Condvar,
    /// Whether the writer was kicked.
    kicked: Mutex<bool>,
    kick: Condvar,
    waits: AtomicI32,
}

impl Lock {
    fn kick(&self) {
        if self.waits.load(SeqCst) != 0 {
            *self.kicked.lock().expect("never poisoned") = true;
            self.kick.notify_one();
        }
    }

    fn read_lock(&self, own: usize) {
        loop {
            self.readers[own].store(1, SeqCst);
            if self.has_writer.load(SeqCst) == 0 {
                return;
            }
            let mut queue = self.queue.lock().expect("never poisoned");
            self.readers[own].store(0, SeqCst);
            self.kick();
            let seen = *queue;
            if self.has_writer.load(SeqCst) != 0 {
                while *queue == seen {
                    queue = self.woken.wait(queue).expect("never poisoned");
                }
            }
        }
    }

    fn read_unlock(&self, own: usize) {
        self.readers[own].store(0, SeqCst);
        if self.has_writer.load(SeqCst) != 0 {
            self.kick();
        }
    }

    fn nobody_reads(&self) -> bool {
        self.readers.iter().all(|count| count.load(SeqCst) == 0)
    }

    fn write_lock(&self) {
        self.has_writer.store(1, SeqCst);
        self.waits.store(1, SeqCst);
        while !self.nobody_reads() {
            let mut kicked = self.kicked.lock().expect("never poisoned");
            while !*kicked {
                kicked = self.kick.wait(kicked).expect("never poisoned");
            }
            *kicked = false;
        }
        self.waits.store(0, SeqCst);
    }

    fn write_unlock(&self) {
        let mut queue = self.queue.lock().expect("never poisoned");
        self.has_writer.store(0, SeqCst);
        *queue += 1;
        self.woken.notify_all();
    }
}

fn bare_lock(readers: usize, sections: usize, writes: usize) {
    let lock = Arc::new(Lock {
        readers: numbers(readers, 0),
        has_writer: AtomicI32::new(0),
        queue: Mutex::new(0),
        woken: Condvar::new(),
        kicked: Mutex::new(false),
        kick: Condvar::new(),
        waits: AtomicI32::new(0),
    });
    for own in 0..readers {
        let lock = Arc::clone(&lock);
        spawn(move || {
            for _ in 0..sections {
                lock.read_lock(own);
                lock.read_unlock(own);
            }
        });
    }
    spawn(move || {
        for _ in 0..writes {
            lock.write_lock();
            lock.write_unlock();
        }
    });
}
