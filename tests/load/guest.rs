//! Guests: coroutines on two loops, each with blocks of its own, which it writes and reads back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use graphlock::graph::NodeRef;
use graphlock::graph_lock::GraphIoThread;

use super::disk::Disk;

pub(crate) const BLOCK: u64 = 4096;
pub(crate) const BLOCKS: u64 = 256;
const LOOPS: [&str; 2] = ["iothread0", "iothread1"];
const COROUTINES: u64 = 4;

/// What block `block` holds after it was written for the `generation`th time.
pub(crate) fn block_of(block: u64, generation: u64) -> Vec<u8> {
    let word = if generation == 0 { 0 } else { block << 40 | generation };
    word.to_le_bytes().repeat(BLOCK as usize / 8)
}

struct Shared {
    stop: AtomicBool,
    requests: AtomicU64,
    running: AtomicU64,
    /// How often each block was written.
    written: Mutex<Vec<u64>>,
}

/// All guests of a disk.
pub(crate) struct Guests {
    threads: Vec<GraphIoThread>,
    shared: Arc<Shared>,
}

impl Guests {
    pub(crate) fn start(disk: &Disk) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            running: AtomicU64::new(LOOPS.len() as u64 * COROUTINES),
            written: Mutex::new(vec![0; BLOCKS as usize]),
        });
        let threads = LOOPS.map(|name| disk.graph().lock().io_thread(name));
        for (thread, first) in threads.iter().zip(0..) {
            for own in 0..COROUTINES {
                let (device, shared, main) = (disk.device(), Arc::clone(&shared), disk.main());
                let guest = first * COROUTINES + own;
                thread.event_loop().spawn("guest", move |coroutine| async move {
                    let mut random = guest + 1;
                    let mut written = [0; BLOCKS as usize];
                    while !shared.stop.load(Ordering::Relaxed) {
                        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let all = LOOPS.len() as u64 * COROUTINES;
                        let block = (random >> 33) % (BLOCKS / all) * all + guest;
                        request(&device, block, &mut written[block as usize], random).await;
                        shared.requests.fetch_add(1, Ordering::Relaxed);
                        coroutine.yield_now().await;
                    }
                    let mut all = shared.written.lock().expect("no guest has panicked");
                    for (sum, own) in all.iter_mut().zip(written) {
                        *sum += own;
                    }
                    drop(all);
                    drop(device);
                    shared.running.fetch_sub(1, Ordering::Release);
                    main.kick();
                });
            }
        }
        Guests { threads: threads.into(), shared }
    }

    /// Lets all finish. Says how many requests there were, and how often each block was written.
    pub(crate) fn stop(self, disk: &mut Disk) -> (u64, Vec<u64>) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let running = || self.shared.running.load(Ordering::Acquire) > 0;
        disk.wait_while(running);
        drop(self.threads);
        let written = self.shared.written.lock().expect("no guest has panicked").clone();
        (self.shared.requests.load(Ordering::Relaxed), written)
    }
}

/// Writes a block, or reads what was written.
async fn request(device: &NodeRef, block: u64, written: &mut u64, random: u64) {
    let offset = block * BLOCK;
    if random >> 62 == 0 {
        *written += 1;
        let data = block_of(block, *written);
        device.write(offset, &data).await.expect("the disk is there");
        return;
    }
    let mut found = vec![0; BLOCK as usize];
    device.read(offset, &mut found).await.expect("the disk is there");
    assert!(found == block_of(block, *written), "block {block} is not as it was written");
}
