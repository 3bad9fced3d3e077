//! Image locks against QEMU's own tools, in both directions: what we hold they must respect, and what they hold we
//! must respect.
//!
//! Without the tools a test prints that it was skipped; where `CI` is set it fails. `GRAPHLOCK_HANDOVERS` is the
//! number of turns of the last test.

mod support;

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use graphlock::image::{Image, ImageError, ImageFile, Locking, Mode};
use graphlock::permission::{Access, Permissions};
use support::{
    ALL, Folder, NONE, READ, RESIZE, UNCHANGED, WRITE, access, expected_bytes, locked_bytes,
};

const LENGTH: u64 = 1 << 20;

/// What a disk of a machine holds that nobody else may write.
fn writer() -> Access {
    access(READ | WRITE, READ | UNCHANGED)
}

/// Whether the tools are there. Says so if not.
///
/// # Panics
/// If one is missing where `CI` is set.
fn tools_are_there() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = ["qemu-img", "qemu-io"]
        .into_iter()
        .find(|tool| !std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()));
    if let Some(tool) = missing {
        let line = format!("SKIPPED: {tool} not found: install qemu-utils");
        assert!(std::env::var_os("CI").is_none(), "{line}");
        // Past the capture of the test's output, so that it is seen.
        drop(writeln!(std::io::stderr(), "{line}"));
    }
    missing.is_none()
}

/// How a command ended, and all that it said.
struct Ended {
    succeeded: bool,
    said: String,
}

fn run<A: AsRef<OsStr>>(tool: &str, arguments: impl IntoIterator<Item = A>) -> Ended {
    let mut command = Command::new(tool);
    let output = command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{tool}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    Ended { succeeded: output.status.success(), said: String::from_utf8_lossy(&said).into_owned() }
}

fn qemu_io(path: &Path, command: &str) -> Ended {
    run("qemu-io", ["-f", "raw", "-c", command, name(path)])
}

fn name(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text here")
}

/// Opens an image for us.
fn open(path: &Path, mode: Mode, access: Access) -> Result<ImageFile, ImageError> {
    let image = ImageFile::open(path, mode, Locking::On)?;
    image.prepare(access)?;
    assert_eq!(image.commit(), []);
    Ok(image)
}

/// With these arguments `qemu-io` holds `access`, by the options of `blkdebug`. It must use "consistent read", and
/// "write" with "write unchanged".
fn holding(path: &Path, access: Access) -> Vec<String> {
    let mut options = format!("driver=blkdebug,image.driver=file,image.filename={}", name(path));
    for (set, option) in
        [(access.used, "take-child-perms"), (ALL - access.shared, "unshare-child-perms")]
    {
        let within = Permissions::NAMES.into_iter().filter(|(each, _)| set.contains(*each));
        for (index, (_, permission)) in within.enumerate() {
            let permission = permission.replace(' ', "-");
            options.push_str(&format!(",{option}.{index}={permission}"));
        }
    }
    let mut arguments = vec!["--image-opts".to_owned(), options];
    if !access.used.contains(WRITE) {
        arguments.push("-r".to_owned());
    }
    arguments
}

/// A `qemu-io` that has an image open and waits for commands.
struct Session(Child);

impl Session {
    /// Opens it and waits for the prompt.
    fn open(arguments: &[&str]) -> Session {
        let mut command = Command::new("qemu-io");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut session = Session(command.spawn().expect("it was found"));
        session.read_to_prompt();
        session
    }

    fn holding(path: &Path, access: Access) -> Session {
        let arguments = holding(path, access);
        Session::open(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn read_to_prompt(&mut self) -> String {
        let mut said = Vec::new();
        while !said.ends_with(b"qemu-io> ") {
            let mut byte = [0];
            let stdout = self.0.stdout.as_mut().expect("it is piped");
            let read = stdout.read(&mut byte).expect("a pipe can be read");
            let so_far = String::from_utf8_lossy(&said);
            assert_eq!(read, 1, "qemu-io ended before its prompt; it said {so_far}");
            said.push(byte[0]);
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Does a command and waits for the next prompt.
    fn command(&mut self, command: &str) -> String {
        let stdin = self.0.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{command}").expect("it reads its commands");
        self.read_to_prompt()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // At the end of its commands it closes the image and ends.
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            eprintln!("qemu-io: {error}");
        }
    }
}

fn disk(test: &str) -> (Folder, PathBuf) {
    let folder = Folder::new(test);
    let path = folder.file("disk.img", LENGTH);
    (folder, path)
}

#[test]
fn tools_are_refused_what_we_do_not_share() {
    if !tools_are_there() {
        return;
    }
    let (folder, path) = disk("refused");
    let image = open(&path, Mode::ReadWrite, writer()).unwrap();
    let (disk, copy) = (name(&path), folder.path().join("copy.img"));
    let refused_use = Some("Failed to get \"write\" lock");
    let refused_unshare = Some("Failed to get shared \"write\" lock");
    let commands: [(&str, Vec<&str>, Option<&str>); 10] = [
        ("qemu-io", vec!["-f", "raw", "-c", "write 0 4k", disk], refused_use),
        ("qemu-img", vec!["resize", "-f", "raw", disk, "2M"], refused_use),
        ("qemu-img", vec!["create", "-f", "raw", disk, "4M"], refused_use),
        ("qemu-img", vec!["commit", "-f", "raw", disk], refused_use),
        ("qemu-img", vec!["convert", "-f", "raw", "-O", "raw", disk, name(&copy)], refused_unshare),
        // These share writing with others, so they may read.
        ("qemu-img", vec!["compare", "-f", "raw", "-F", "raw", disk, disk], None),
        ("qemu-img", vec!["info", "-f", "raw", disk], None),
        ("qemu-io", vec!["-f", "raw", "-r", "-c", "read 0 4k", disk], None),
        ("qemu-io", vec!["-f", "raw", "-r", "-U", "-c", "read 0 4k", disk], None),
        ("qemu-img", vec!["convert", "-U", "-f", "raw", "-O", "raw", disk, name(&copy)], None),
    ];
    for (tool, arguments, refusal) in commands {
        let line = format!("{tool} {}", arguments.join(" "));
        let ended = run(tool, &arguments);
        println!("{line}: {}", refusal.unwrap_or("allowed"));
        assert_eq!(ended.succeeded, refusal.is_none(), "{line}: {}", ended.said);
        if let Some(refusal) = refusal {
            let hint = format!("{refusal}\nIs another process using the image [{disk}]?");
            assert!(ended.said.contains(&hint), "{line}: {}", ended.said);
        }
        assert_eq!(image.length().unwrap(), LENGTH, "{line}");
        assert_eq!(locked_bytes(&path), expected_bytes(writer()), "{line}");
    }
    drop(image);
    let ended = qemu_io(&path, "write 0 4k");
    assert!(ended.succeeded, "after we have closed it: {}", ended.said);
}

#[test]
fn we_are_refused_what_a_tool_does_not_share() {
    if !tools_are_there() {
        return;
    }
    let (_folder, path) = disk("held");
    let hint = format!("\nIs another process using the image [{}]?", name(&path));
    let mut session = Session::open(&["-f", "raw", name(&path)]);
    let said = session.command("write -P 7 0 4k");
    assert!(said.contains("wrote 4096/4096"), "{said}");
    let error = open(&path, Mode::ReadWrite, writer()).unwrap_err();
    assert!(error.is_conflict());
    assert_eq!(error.to_string(), format!("Failed to get shared \"write\" lock{hint}"));
    assert_eq!(locked_bytes(&path), [100, 101].into(), "the tool's alone");
    open(&path, Mode::ReadOnly, access(READ, ALL)).expect("it shares reading");
    drop(session);
    let image = open(&path, Mode::ReadWrite, writer()).expect("the tool has ended");
    let mut buffer = [0; 4096];
    image.read_at(0, &mut buffer).unwrap();
    assert_eq!(buffer, [7; 4096], "what the tool has written");
    drop(image);

    let session = Session::holding(&path, access(READ, ALL - WRITE - RESIZE));
    let error = open(&path, Mode::ReadWrite, writer()).unwrap_err();
    assert_eq!(error.to_string(), format!("Failed to get \"write\" lock{hint}"));
    let error = ImageFile::create(&path, 0, Locking::On).unwrap_err();
    assert_eq!(error.to_string(), format!("Failed to get \"write\" lock{hint}"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), LENGTH, "not emptied");
    drop(session);
    ImageFile::create(&path, LENGTH, Locking::On).expect("the tool has ended");
}

#[test]
fn tool_and_we_decide_alike_for_each_permission() {
    if !tools_are_there() {
        return;
    }
    let (_folder, path) = disk("alike");
    let used = [NONE, WRITE, WRITE | UNCHANGED, RESIZE];
    let kept = [NONE, READ, WRITE, UNCHANGED, RESIZE];
    let tools: Vec<Access> = used
        .iter()
        .flat_map(|used| kept.iter().map(|kept| access(READ | *used, ALL - *kept)))
        .collect();
    let mut refused = 0;
    for held in &tools {
        let session = Session::holding(&path, *held);
        assert_eq!(locked_bytes(&path), expected_bytes(*held), "the bytes of qemu-io: {held}");
        for wanted in &tools {
            let result = open(&path, Mode::ReadWrite, *wanted);
            let conflict = held.denies(*wanted) | wanted.denies(*held);
            assert_eq!(result.is_err(), !conflict.is_empty(), "qemu-io {held}; we want {wanted}");
            refused += usize::from(result.is_err());
        }
        drop(session);
    }
    println!("we after qemu-io: {} pairs, {refused} refused", tools.len() * tools.len());
    let mut refused = 0;
    for held in &tools {
        let image = open(&path, Mode::ReadWrite, *held).unwrap();
        for wanted in &tools {
            let mut arguments = holding(&path, *wanted);
            arguments.extend(["-c".to_owned(), "quit".to_owned()]);
            let ended = run("qemu-io", &arguments);
            let conflict = held.denies(*wanted) | wanted.denies(*held);
            let pair = format!("we hold {held}; qemu-io wants {wanted}: {}", ended.said);
            assert_eq!(ended.succeeded, conflict.is_empty(), "{pair}");
            // Also which permission is named.
            let result = open(&path, Mode::ReadWrite, *wanted);
            let told = result.err().map_or_else(String::new, |error| error.to_string());
            assert!(ended.said.contains(&told), "{pair}; we were told {told}");
            refused += usize::from(!ended.succeeded);
        }
        drop(image);
    }
    println!("qemu-io after us: {} pairs, {refused} refused", tools.len() * tools.len());
}

/// One turn: while we have the image the tool is refused; then the tool writes, and we have it again and read that.
#[test]
fn an_image_is_handed_over_both_ways_again_and_again() {
    if !tools_are_there() {
        return;
    }
    let turns = std::env::var("GRAPHLOCK_HANDOVERS").ok();
    let turns: u32 = turns.map_or(50, |turns| turns.parse().expect("GRAPHLOCK_HANDOVERS=2000"));
    let (_folder, path) = disk("handover");
    let begun = Instant::now();
    let (mut to_tool, mut to_us, mut refused) = (0, 0, 0);
    let mut image = open(&path, Mode::ReadWrite, writer()).unwrap();
    for turn in 0..turns {
        let pattern = (turn % 251 + 1) as u8;
        image.write_at(4096, &[pattern; 512]).unwrap();
        // Not every turn: a refusal is shown elsewhere too, and a tool takes milliseconds to start.
        if turn % 5 == 0 {
            let ended = qemu_io(&path, "write 0 512");
            assert!(!ended.succeeded && ended.said.contains("\"write\" lock"), "{}", ended.said);
            refused += 1;
        }
        drop(image);
        let ended = run(
            "qemu-io",
            [
                "-f",
                "raw",
                "-c",
                &format!("read -P {pattern} 4096 512"),
                "-c",
                &format!("write -P {pattern} 0 512"),
                name(&path),
            ],
        );
        let is_fine = ended.succeeded && !ended.said.contains("verification failed");
        assert!(is_fine, "turn {turn}: {}", ended.said);
        to_tool += 1;
        image = open(&path, Mode::ReadWrite, writer())
            .unwrap_or_else(|error| panic!("turn {turn}: {error}"));
        let mut buffer = [0; 512];
        image.read_at(0, &mut buffer).unwrap();
        assert_eq!(buffer, [pattern; 512], "turn {turn}");
        to_us += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "handed over {to_tool} times to qemu-io and {to_us} times to us, {refused} attempts refused, in {seconds:.1} s"
    );
}
