//! Reads of 4 KiB through the graph beside the same reads of the bare file, with two loops.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use graphlock::driver::{Device, Driver, Header, Overlay, Raw, Storage};
use graphlock::event_loop::{MainLoop, WorkerPool};
use graphlock::graph::{BlockGraph, NodeRef};
use graphlock::graph_lock::Deferral;
use graphlock::image::{ImageFile, Locking, Mode};

use crate::table::{self, median, rounded};

const BLOCK: usize = 4096;
const BLOCKS: u64 = 16_384;
const LOOPS: usize = 2;
const READS: u64 = 400_000;

/// What is read into, aligned as a guest's pages are: where it lies decides how fast the kernel copies.
#[repr(align(4096))]
struct Page([u8; BLOCK]);

/// What stands between the device and the file.
#[derive(Clone, Copy)]
enum Between {
    Nothing,
    Raw,
    Overlay,
}

/// The blocks that a loop reads, the same for all contestants.
fn blocks(own: usize) -> impl Iterator<Item = u64> {
    let mut random = own as u64 + 1;
    (0..READS).map(move |_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % BLOCKS
    })
}

/// Prints the table.
pub(crate) fn run(rounds: u8) {
    let folder = tempfile::tempdir().expect("a folder for images");
    let path = folder.path().join("disk.img");
    std::fs::write(&path, vec![1; BLOCK * BLOCKS as usize]).expect("the folder has room");
    let contestants: [(&str, Option<Between>); 4] = [
        ("the bare file", None),
        ("device, storage", Some(Between::Nothing)),
        ("device, raw, storage", Some(Between::Raw)),
        ("device, empty overlay, storage", Some(Between::Overlay)),
    ];
    let mut rates = contestants.map(|_| Vec::new());
    for _ in 0..rounds {
        for ((_, between), rates) in contestants.iter().zip(&mut rates) {
            let time = match between {
                None => bare(&path),
                Some(between) => through_the_graph(folder.path(), *between),
            };
            rates.push(READS as f64 * LOOPS as f64 / time.as_secs_f64());
        }
    }
    let medians = rates.map(median);
    let rows = contestants.iter().zip(medians).map(|((name, _), rate)| {
        vec![(*name).to_owned(), rounded(rate), format!("{:.2}", rate / medians[0])]
    });
    table::print(
        &format!(
            "Reads of 4 KiB per second with {LOOPS} loops, medians of {rounds}, contestants alternate"
        ),
        &["through", "per second", "x the bare file"],
        &rows.collect::<Vec<_>>(),
    );
}

fn bare(path: &Path) -> Duration {
    let file = File::open(path).expect("it was written");
    let start = Barrier::new(LOOPS + 1);
    std::thread::scope(|scope| {
        let threads = (0..LOOPS).map(|own| {
            let (file, start) = (&file, &start);
            scope.spawn(move || {
                start.wait();
                let mut buffer = Page([0; BLOCK]);
                for block in blocks(own) {
                    file.read_exact_at(&mut buffer.0, block * BLOCK as u64).expect("it is there");
                }
            })
        });
        let threads: Vec<_> = threads.collect();
        start.wait();
        let begun = Instant::now();
        for thread in threads {
            thread.join().expect("a reader does not panic");
        }
        begun.elapsed()
    })
}

fn storage(graph: &BlockGraph, path: &Path, mode: Mode, pool: &Arc<WorkerPool>) -> Box<Storage> {
    let image = ImageFile::open(path, mode, Locking::Auto).expect("it was written");
    Storage::new(graph.lock(), Box::new(image), Some(Arc::clone(pool)))
        .expect("nobody has it locked")
}

/// A device over a disk.
fn device(
    main: &mut MainLoop,
    graph: &BlockGraph,
    folder: &Path,
    between: Between,
    pool: &Arc<WorkerPool>,
) -> NodeRef {
    let disk = storage(graph, &folder.join("disk.img"), Mode::ReadOnly, pool);
    let disk = graph.create_node(main, "disk", disk);
    let device = graph.create_node(main, "device", Device::read_only());
    let below = match between {
        Between::Nothing => disk,
        Between::Raw => {
            let filter = graph.create_node(main, "filter", Raw::new());
            attach(main, graph, &filter, "file", disk);
            filter
        }
        Between::Overlay => {
            let path = folder.join("top.overlay");
            ImageFile::create(&path, 0, Locking::Auto).expect("the folder has room");
            let file =
                graph.create_node(main, "file", storage(graph, &path, Mode::ReadWrite, pool));
            let driver = empty_overlay(main, &file);
            let overlay = graph.create_node(main, "overlay", driver);
            attach(main, graph, &overlay, "file", file);
            attach(main, graph, &overlay, "backing", disk);
            overlay
        }
    };
    attach(main, graph, &device, "root", below);
    device
}

fn empty_overlay(main: &mut MainLoop, file: &NodeRef) -> Box<dyn Driver> {
    let file = file.another(main);
    main.run_coroutine("create", move |_| async move {
        let length = BLOCKS * BLOCK as u64;
        let header = Header { cluster_bits: 16, length, backing: "disk".to_owned() };
        Overlay::create(&file, &header).await.expect("the folder has room");
        Overlay::open(&file).await.expect("it was just created")
    })
}

fn attach(main: &mut MainLoop, graph: &BlockGraph, parent: &NodeRef, name: &str, child: NodeRef) {
    let mut section = graph.lock().write(main);
    graph.attach_child(&mut section, parent, name, child).expect("nobody is against it");
    section.unlock();
}

fn through_the_graph(folder: &Path, between: Between) -> Duration {
    let mut main = MainLoop::new();
    let graph = BlockGraph::new(&main, Deferral::List);
    let pool = Arc::new(WorkerPool::new(1));
    let device = device(&mut main, &graph, folder, between, &pool);
    let threads = ["iothread0", "iothread1"].map(|name| graph.lock().io_thread(name));
    let (begun, running) = (Instant::now(), Arc::new(AtomicU32::new(LOOPS as u32)));
    for (own, thread) in threads.iter().enumerate() {
        let (device, running, main) = (device.another(&main), Arc::clone(&running), main.handle());
        thread.event_loop().spawn("reader", move |_| async move {
            let mut buffer = Page([0; BLOCK]);
            for block in blocks(own) {
                device.read(block * BLOCK as u64, &mut buffer.0).await.expect("it is there");
            }
            drop(device);
            running.fetch_sub(1, Ordering::Release);
            main.schedule_oneshot("ended", |_| {});
        });
    }
    // As a daemon's main loop: it waits for work, not for a condition, which each request would wake it for.
    while running.load(Ordering::Acquire) > 0 {
        main.poll(true);
    }
    let time = begun.elapsed();
    drop(threads);
    graph.unref(&mut main, device);
    graph.shutdown(&mut main).expect("nobody has a reference");
    time
}
