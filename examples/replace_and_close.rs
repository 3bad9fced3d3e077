//! Two event loops read while the main loop replaces a node and closes the old one, ten thousand times.
//!
//! Each time the old node's image is opened again right after the unlock: had the deferred reference not been
//! dropped by then, that would be a conflict.
//!
//! `cargo run --release --example replace_and_close`

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use graphlock::driver::{Null, Raw};
use graphlock::event_loop::{IoThread, MainLoop};
use graphlock::graph::{BlockGraph, NodeRef};
use graphlock::graph_lock::Deferral;
use graphlock::image::ImageTable;

const REPLACEMENTS: u32 = 10_000;

/// Reads the graph as a request does, until told to stop.
fn start_reader(
    thread: &IoThread,
    graph: &BlockGraph,
    parent: NodeRef,
    stop: &Arc<AtomicBool>,
    reads: &Arc<AtomicU64>,
) {
    let (graph, stop, reads) = (graph.clone(), Arc::clone(stop), Arc::clone(reads));
    thread.event_loop().spawn("reader", |coroutine| async move {
        while !stop.load(Ordering::Relaxed) {
            let request = parent.begin_request().await.expect("the parent stays open");
            let guard = graph.lock().read().await;
            let children = parent.with_children(&guard, |children| children.count());
            assert_eq!(children, 1, "a reader sees the graph before or after a replacement");
            reads.fetch_add(1, Ordering::Relaxed);
            drop(guard);
            drop(request);
            coroutine.yield_now().await;
        }
    });
}

fn run(deferral: Deferral) -> Result<String, Box<dyn std::error::Error>> {
    let mut main = MainLoop::new();
    let images = ImageTable::new();
    let graph = BlockGraph::new(&main, deferral);
    let registration = graph.lock().register("main");
    let adopted = registration.adopt();
    let parent = graph.create_node(&main, "disk", Raw::new());
    let image = images.open("image 0", "generation 0")?;
    let first = graph.create_node(&main, "generation 0", Null::new(Some(image)));
    let mut section = graph.lock().write(&mut main);
    graph.attach_child(&mut section, &parent, "file", first)?;
    section.unlock();

    let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let threads = ["iothread0", "iothread1"].map(|name| graph.lock().io_thread(name));
    for thread in &threads {
        start_reader(thread, &graph, parent.another(&main), &stop, &reads);
    }
    for generation in 1..=REPLACEMENTS {
        // Two images take turns: the one that was closed last time is opened again.
        let name = format!("generation {generation}");
        let image = images.open(&format!("image {}", generation % 2), &name)?;
        let new = graph.create_node(&main, &name, Null::new(Some(image)));
        let mut section = graph.lock().write_drained(&mut main);
        let old = graph.replace_child(&mut section, &parent, "file", new);
        section.schedule_unref(old?);
        section.unlock();
    }
    stop.store(true, Ordering::Relaxed);
    drop(threads);
    graph.unref(&mut main, parent);
    graph.shutdown(&mut main)?;
    drop((adopted, registration));
    let left = images.open_images();
    if !left.is_empty() {
        return Err(format!("images still open: {}", left.join(", ")).into());
    }
    Ok(format!(
        "{REPLACEMENTS} replacements, {} reads, nothing leaked",
        reads.load(Ordering::Relaxed)
    ))
}

fn main() -> ExitCode {
    for deferral in [Deferral::BottomHalf, Deferral::List] {
        match run(deferral) {
            Ok(summary) => println!("{deferral:?}: {summary}"),
            Err(error) => {
                eprintln!("{deferral:?}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
