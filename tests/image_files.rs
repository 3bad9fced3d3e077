//! Images that are files, beside their locks: what is refused with which error, and what reads and writes do.

mod support;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use graphlock::image::{
    ByteLocks, FileLocks, Image, ImageError, ImageFile, Locking, MemoryImages, Mode,
};
use nix::sys::stat;
use support::{ALL, Folder, READ, RESIZE, WRITE, access, locked_bytes};

fn open(path: &Path) -> Result<ImageFile, ImageError> {
    ImageFile::open(path, Mode::ReadWrite, Locking::Auto)
}

#[test]
fn what_is_no_image_is_refused_by_its_kind_and_every_message_has_the_path() {
    let folder = Folder::new("kinds");
    let path = folder.path();
    let missing = path.join("missing");
    let pipe = path.join("pipe");
    nix::unistd::mkfifo(&pipe, stat::Mode::S_IRWXU).unwrap();
    let circle = path.join("circle");
    symlink(&circle, &circle).unwrap();
    for mode in [Mode::ReadOnly, Mode::ReadWrite] {
        let error = |path: &Path| {
            let error = ImageFile::open(path, mode, Locking::Auto).unwrap_err();
            let (said, path) = (error.to_string(), path.display().to_string());
            assert!(said.contains(&path), "{said}");
            error
        };
        assert!(matches!(error(path), ImageError::IsDirectory { .. }));
        assert!(matches!(error(&missing), ImageError::Missing { .. }));
        assert!(matches!(error(&pipe), ImageError::NotAnImage { .. }));
        assert!(matches!(error(Path::new("/dev/null")), ImageError::NotAnImage { .. }));
        assert!(matches!(error(&circle), ImageError::Io { operation: "open", .. }));
    }
    let error = ImageFile::create(path, 0, Locking::Auto).unwrap_err();
    assert!(matches!(error, ImageError::IsDirectory { .. }), "{error}");
    let error = ImageFile::create(missing.join("disk"), 0, Locking::Auto).unwrap_err();
    assert!(matches!(error, ImageError::Missing { .. }), "{error}");
}

/// The same on a file and in memory.
#[test]
fn reads_and_writes_go_past_the_end_as_described() {
    let folder = Folder::new("bytes");
    let path = folder.path().join("disk");
    ImageFile::create(&path, 10, Locking::Auto).unwrap();
    let images = MemoryImages::new();
    images.create("disk", 10).unwrap();
    let both: [(Box<dyn Image>, Box<dyn Image>); 2] = [
        (
            Box::new(open(&path).unwrap()),
            Box::new(ImageFile::open(&path, Mode::ReadOnly, Locking::Auto).unwrap()),
        ),
        (
            Box::new(images.open("disk", Mode::ReadWrite).unwrap()),
            Box::new(images.open("disk", Mode::ReadOnly).unwrap()),
        ),
    ];
    for (image, reader) in both {
        image.write_at(12, b"end").unwrap();
        assert_eq!(image.length().unwrap(), 15, "{image:?}");
        image.write_at(100, b"").unwrap();
        assert_eq!(image.length().unwrap(), 15, "{image:?}: nothing written, nothing grown");
        let mut buffer = [9; 8];
        reader.read_at(10, &mut buffer).unwrap();
        assert_eq!(&buffer, b"\0\0end\0\0\0", "{image:?}");
        buffer.fill(9);
        // A file system that cannot say gives nothing.
        if let Some(result) = reader.read_at_without_waiting(10, &mut buffer) {
            result.unwrap();
            assert_eq!(&buffer, b"\0\0end\0\0\0", "{image:?}");
        } else {
            println!("{image:?}: this file system does not read without waiting");
        }
        reader.read_at(1 << 40, &mut buffer).unwrap();
        assert_eq!(buffer, [0; 8], "{image:?}");
        image.truncate(13).unwrap();
        image.flush().unwrap();
        assert_eq!(reader.length().unwrap(), 13, "{image:?}");
        for error in [reader.write_at(0, b"x"), reader.truncate(0)] {
            assert!(matches!(error, Err(ImageError::ReadOnly { .. })), "{image:?}: {error:?}");
        }
        // Beyond what any system can do: an error, and no panic.
        image.write_at(u64::MAX - 1, b"xyz").unwrap_err();
        image.truncate(u64::MAX).unwrap_err();
        assert_eq!(reader.length().unwrap(), 13, "{image:?}");
    }
}

#[test]
fn without_locking_nothing_is_locked_and_nothing_is_in_the_way() {
    let folder = Folder::new("off");
    let path = folder.file("disk", 10);
    let alone = access(READ | WRITE, ALL - WRITE - RESIZE);
    let locked = open(&path).unwrap();
    locked.prepare(alone).unwrap();
    let before = locked_bytes(&path);
    assert!(!before.is_empty());
    let image = ImageFile::open(&path, Mode::ReadOnly, Locking::Off).unwrap();
    image.prepare(alone).unwrap();
    assert_eq!(image.commit(), []);
    let again = image.reopen(Mode::ReadWrite, alone).unwrap();
    again.write_at(0, b"x").unwrap();
    ImageFile::create(&path, 5, Locking::Off).unwrap();
    assert_eq!(locked_bytes(&path), before);
}

#[test]
fn reopen_notices_that_the_name_leads_elsewhere_and_goes_back() {
    let folder = Folder::new("replaced");
    let path = folder.file("disk", 10);
    let image = ImageFile::open(&path, Mode::ReadOnly, Locking::Auto).unwrap();
    let reads = access(READ, ALL - WRITE);
    image.prepare(reads).unwrap();
    assert_eq!(image.commit(), []);
    let moved = folder.path().join("moved");
    std::fs::rename(&path, &moved).unwrap();
    let writes = access(READ | WRITE, ALL - WRITE);
    let error = image.reopen(Mode::ReadWrite, writes).unwrap_err();
    assert!(matches!(error, ImageError::Missing { .. }), "{error}");
    let other = folder.file("disk", 10);
    let error = image.reopen(Mode::ReadWrite, writes).unwrap_err();
    assert!(matches!(error, ImageError::Replaced { .. }), "{error}");
    assert_eq!(locked_bytes(&moved), [100, 201].into(), "as before");
    assert!(locked_bytes(&other).is_empty());
}

/// A process that was forked and has not executed its program yet has what we close.
#[test]
fn locks_go_with_the_image_though_another_descriptor_of_it_is_open() {
    let folder = Folder::new("forked");
    let path = folder.path().join("disk.img");
    ImageFile::create(&path, 4096, Locking::On).unwrap();
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let forked = file.try_clone().unwrap();
    let locks = FileLocks::new(Arc::new(file.into()));
    for byte in [101, 201, 203] {
        locks.lock_shared(byte).unwrap();
    }
    assert_eq!(locked_bytes(&path), [101, 201, 203].into());
    drop(locks);
    assert_eq!(locked_bytes(&path), [].into());
    drop(forked);
}
