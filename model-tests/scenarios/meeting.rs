//! The bare lock: readers on threads of their own, the writer on the main loop; no graph, no requests.

use graphlock_harness::scenario::{Engines, Parameters, Property, Scenario, always};

use super::way;
use crate::coroutine::block_on;
use crate::event_loop::MainLoop;
use crate::graph_lock::{Deferral, Fairness, GraphCell, GraphLock};
use crate::sync::{Arc, model};

const PROPERTIES: &[Property] = &[
    Property::always("no-reader-inside-write"),
    Property::always("reader-sees-whole-sections"),
    Property::always("every-kick-arrives"),
    Property::eventually("everybody-gets-in"),
];

const BOUNDED: &[Property] = &[Property::always("overtakes-are-bounded")];

const CASES: &[&str] = &[
    "reader-fast-path",
    "reader-finds-door-opened",
    "reader-sleeps",
    "reader-woken",
    "writer-enters-at-once",
    "writer-waits",
    "writer-backs-off",
    "writer-waits-behind-shut-door",
];

pub(super) fn all() -> Vec<Scenario> {
    let sized = |parameters: &'static [(&'static str, u64)], harness, loom, cases| Scenario {
        name: "reader_meets_writer",
        parameters: Parameters(parameters),
        about: "readers and a writer, each in its section, with the list, the queue and the kick",
        properties: PROPERTIES,
        cases,
        engines: Engines { harness, loom, std: 100 },
        body: reader_meets_writer,
    };
    const FEW: &[&str] =
        &["reader-fast-path", "reader-sleeps", "reader-woken", "writer-waits-behind-shut-door"];
    vec![
        sized(
            &[("readers", 1), ("sections", 1), ("writes", 1), ("overtakes", 1)],
            Some(true),
            Ok(3),
            FEW,
        ),
        sized(
            &[("readers", 1), ("sections", 2), ("writes", 1), ("overtakes", 1)],
            Some(true),
            Ok(3),
            FEW,
        ),
        sized(
            &[("readers", 2), ("sections", 1), ("writes", 1), ("overtakes", 0)],
            Some(true),
            Ok(3),
            FEW,
        ),
        sized(
            &[("readers", 2), ("sections", 1), ("writes", 1), ("overtakes", 1)],
            Some(true),
            Ok(3),
            FEW,
        ),
        sized(
            &[("readers", 2), ("sections", 2), ("writes", 1), ("overtakes", 1)],
            Some(false),
            Err("too large"),
            &[],
        ),
        Scenario {
            name: "stream_of_readers",
            parameters: Parameters(&[("sections", 3)]),
            about: "a reader comes again and again before a waiting writer",
            properties: BOUNDED,
            cases: CASES,
            engines: Engines { harness: Some(true), loom: Ok(3), std: 100 },
            body: stream_of_readers,
        },
        Scenario {
            name: "stream_of_readers",
            parameters: Parameters(&[("sections", 3), ("way", 0)]),
            about: "a reader comes again and again before a waiting writer",
            properties: BOUNDED,
            cases: CASES,
            engines: Engines { harness: Some(true), loom: Ok(3), std: 100 },
            body: stream_of_readers,
        },
        Scenario {
            name: "cancelled_reader",
            parameters: Parameters(&[]),
            about: "a reader stops waiting; nobody's wake-up is lost with it",
            properties: PROPERTIES,
            cases: &["reader-sleeps"],
            engines: Engines { harness: Some(true), loom: Ok(3), std: 100 },
            body: cancelled_reader,
        },
    ]
}

/// What the lock protects in these models: two numbers that a section changes together. That no reader is inside
/// a section is watched by the cell itself: an access that the lock does not separate is a data race.
struct Pair {
    lock: GraphLock,
    cell: GraphCell<(u64, u64)>,
}

impl Pair {
    fn new(main: &MainLoop, overtakes_max: u32) -> Arc<Self> {
        Self::with_deferral(main, overtakes_max, Deferral::List)
    }

    fn with_deferral(main: &MainLoop, overtakes_max: u32, deferral: Deferral) -> Arc<Self> {
        let fairness = Fairness { overtakes_max, ..Fairness::default() };
        let lock = GraphLock::bare(main, deferral, fairness);
        let cell = GraphCell::new(&lock, (0, 0));
        Arc::new(Pair { lock, cell })
    }

    fn write(&self, main: &mut MainLoop) {
        let mut section = self.lock.write(main);
        self.cell.write(&mut section, |pair| pair.0 += 1);
        self.cell.write(&mut section, |pair| pair.1 += 1);
        section.unlock();
        // Here no reader depends on another: a writer that runs out of patience has missed a kick.
        let ends = self.lock.patience_ends();
        always("every-kick-arrives", ends == 0, format_args!("patience ended {ends} times"));
    }

    async fn read(&self) {
        let guard = self.lock.read().await;
        let (first, second) = self.cell.read(&guard, |pair| *pair);
        always("reader-sees-whole-sections", first == second, format_args!("{first} and {second}"));
    }
}

/// Starts a thread that counts in a slot of its own.
fn start_reader(pair: &Arc<Pair>, name: &'static str, body: impl FnOnce(&Pair) + Send + 'static) {
    let registration = Arc::new(pair.lock.register(name));
    let (pair, own) = (Arc::clone(pair), Arc::clone(&registration));
    model::spawn(name, move || {
        let adopted = own.adopt();
        drop(own);
        body(&pair);
        drop(adopted);
    });
    model::finish(move || {
        drop(registration);
        String::new()
    });
}

const NAMES: [&str; 3] = ["reader0", "reader1", "reader2"];

fn reader_meets_writer(parameters: &Parameters) {
    let (readers, sections, writes) =
        (parameters.get("readers"), parameters.get("sections"), parameters.get("writes"));
    let mut main = MainLoop::new();
    let overtakes = u32::try_from(parameters.get("overtakes")).expect("few");
    let pair = Pair::new(&main, overtakes);
    for name in &NAMES[..usize::try_from(readers).expect("few readers")] {
        start_reader(&pair, name, move |pair| {
            for _ in 0..sections {
                block_on(pair.read());
            }
        });
    }
    for _ in 0..writes {
        pair.write(&mut main);
    }
    let section = pair.lock.read_main(&main);
    let written = pair.cell.read(&section, |pair| pair.0);
    model::finish(move || format!("{written} sections written"));
}

fn stream_of_readers(parameters: &Parameters) {
    let sections = parameters.get("sections");
    let mut main = MainLoop::new();
    let pair = Pair::with_deferral(&main, 1, way(parameters.find("way").unwrap_or(1)));
    start_reader(&pair, NAMES[0], move |pair| {
        for _ in 0..sections {
            block_on(pair.read());
        }
    });
    pair.write(&mut main);
    // Checked builds allow one poll that does not help, or one back-off.
    let overtakes = pair.lock.overtakes_most();
    always("overtakes-are-bounded", overtakes <= 1, format_args!("overtaken {overtakes} times"));
    model::finish(move || "written".to_owned());
}

fn cancelled_reader(_: &Parameters) {
    let mut main = MainLoop::new();
    let pair = Pair::new(&main, 1);
    start_reader(&pair, NAMES[0], |pair| {
        // Polled once and dropped, asleep or not; then a whole read.
        let mut read = Some(Box::pin(pair.lock.read()));
        block_on(std::future::poll_fn(|context| {
            if let Some(mut read) = read.take() {
                let _ = read.as_mut().poll(context);
            }
            std::task::Poll::Ready(())
        }));
        block_on(pair.read());
    });
    pair.write(&mut main);
    model::finish(|| "written".to_owned());
}
