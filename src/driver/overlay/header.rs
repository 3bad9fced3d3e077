//! The head of an overlay: one sector, written at once, with a checksum.
//!
//! | bytes | field |
//! | --- | --- |
//! | 0..8 | `GLOCKOVL` |
//! | 8..12 | version, 1 |
//! | 12..16 | bits of a cluster: 9 (512 bytes) to 21 (2 MiB) |
//! | 16..24 | length of the disk in bytes: at most 2^25 clusters |
//! | 24..26 | length of the backing node's name |
//! | 26..504 | the name, then zeros |
//! | 504..512 | FNV-1a of the bytes before |
//!
//! Numbers are little-endian. The map begins at the second cluster, with eight bytes for each cluster of the disk: where
//! in the file it is, or 0. The data begins at the next whole cluster.

use std::fmt;

/// The bytes of a head.
const HEADER_BYTES: usize = 512;

const MAGIC: [u8; 8] = *b"GLOCKOVL";
const VERSION: u32 = 1;
const CHECKSUM_AT: usize = HEADER_BYTES - 8;
const NAME_AT: usize = 26;
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
/// The map is in memory as long as the overlay is open: at most 256 MiB.
const CLUSTERS_MAX: u64 = 1 << 25;

/// What an overlay is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The bytes of a cluster, as a power of two.
    pub cluster_bits: u32,
    /// The length of the disk in bytes.
    pub length: u64,
    /// The name of the node that it was made over; empty without one.
    pub backing: String,
}

/// Why bytes are no overlay, or not a whole one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// They begin with something else.
    Foreign {
        /// What they begin with.
        found: [u8; 8],
    },
    /// The head was not written to its end, or was changed.
    Torn {
        /// The checksum in it.
        expected: u64,
        /// The checksum of it.
        found: u64,
    },
    /// A newer version.
    Version(u32),
    /// A field that cannot be.
    Field {
        /// Which.
        name: &'static str,
        /// What it holds.
        found: u64,
        /// What it may hold.
        expected: String,
    },
    /// The file ends too early.
    Truncated {
        /// Where the head and the map end.
        expected: u64,
        /// Where the file ends.
        found: u64,
    },
    /// A cluster of the map is not in the file, or stands where something else is.
    Entry {
        /// The cluster of the disk.
        cluster: u64,
        /// Where the map says it is.
        offset: u64,
        /// Where the file ends.
        file_length: u64,
    },
    /// The map gives one place of the file to two clusters.
    Shared {
        /// Where in the file.
        offset: u64,
        /// The clusters of the disk.
        clusters: [u64; 2],
    },
    /// The length of an overlay is that of its head.
    FixedLength,
}

impl Header {
    /// How many bytes it takes.
    pub(crate) const BYTES: usize = HEADER_BYTES;

    /// The bytes of a cluster.
    #[must_use]
    pub fn cluster(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// How many clusters the disk has.
    #[must_use]
    pub fn clusters(&self) -> u64 {
        self.length.div_ceil(self.cluster())
    }

    /// Where the map begins.
    pub(crate) fn map_at(&self) -> u64 {
        self.cluster()
    }

    /// Where the data begins.
    pub(crate) fn data_at(&self) -> u64 {
        (self.map_at() + 8 * self.clusters()).next_multiple_of(self.cluster())
    }

    /// Whether all fields can be.
    pub(super) fn check(&self) -> Result<(), FormatError> {
        let field =
            |name, found: u64, expected: String| Err(FormatError::Field { name, found, expected });
        if !CLUSTER_BITS.contains(&self.cluster_bits) {
            let expected = format!("{} to {}", CLUSTER_BITS.start(), CLUSTER_BITS.end());
            return field("cluster bits", u64::from(self.cluster_bits), expected);
        }
        let length_max = CLUSTERS_MAX << self.cluster_bits;
        if self.length == 0 || self.length > length_max {
            let cluster = self.cluster();
            let expected = format!("1 to {length_max} with clusters of {cluster} bytes");
            return field("length", self.length, expected);
        }
        let most = CHECKSUM_AT - NAME_AT;
        if self.backing.len() > most {
            return field(
                "length of the backing name",
                self.backing.len() as u64,
                format!("at most {most}"),
            );
        }
        Ok(())
    }

    /// As bytes.
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let name = self.backing.as_bytes();
        let name_length = u16::try_from(name.len()).expect("`check` has seen the name");
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.cluster_bits.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.length.to_le_bytes());
        bytes[24..26].copy_from_slice(&name_length.to_le_bytes());
        bytes[NAME_AT..NAME_AT + name.len()].copy_from_slice(name);
        let checksum = checksum(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// From bytes.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FormatError> {
        let found: [u8; 8] = array(bytes, 0);
        if found != MAGIC {
            return Err(FormatError::Foreign { found });
        }
        let (expected, found) =
            (u64::from_le_bytes(array(bytes, CHECKSUM_AT)), checksum(&bytes[..CHECKSUM_AT]));
        if expected != found {
            return Err(FormatError::Torn { expected, found });
        }
        let version = u32::from_le_bytes(array(bytes, 8));
        if version != VERSION {
            return Err(FormatError::Version(version));
        }
        let name_length = usize::from(u16::from_le_bytes(array(bytes, 24)));
        let name = bytes
            .get(NAME_AT..NAME_AT + name_length)
            .filter(|_| name_length <= CHECKSUM_AT - NAME_AT);
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let Some(name) = name else {
            let expected = "a name in UTF-8 that fits the head".to_owned();
            return Err(FormatError::Field {
                name: "backing name",
                found: name_length as u64,
                expected,
            });
        };
        let header = Header {
            cluster_bits: u32::from_le_bytes(array(bytes, 12)),
            length: u64::from_le_bytes(array(bytes, 16)),
            backing: name.to_owned(),
        };
        header.check()?;
        Ok(header)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Foreign { found } => write!(
                f,
                "it is no overlay: it begins with `{}`, expected `{}`",
                found.escape_ascii(),
                MAGIC.escape_ascii()
            ),
            FormatError::Torn { expected, found } => write!(
                f,
                "the head of the overlay is torn: its checksum is {found:016x}, expected {expected:016x}; it was not \
                 written to its end, or was changed"
            ),
            FormatError::Version(version) => {
                write!(f, "the overlay has version {version}, expected {VERSION}")
            }
            FormatError::Field { name, found, expected } => {
                write!(f, "the overlay's {name} is {found}, expected {expected}")
            }
            FormatError::Truncated { expected, found } => write!(
                f,
                "the overlay is cut: the file ends at byte {found}, and head and map at byte {expected}"
            ),
            FormatError::Entry { cluster, offset, file_length } => write!(
                f,
                "the overlay's map is broken: cluster {cluster} is said to be at byte {offset} of a file of \
                 {file_length} bytes"
            ),
            FormatError::Shared { offset, clusters: [one, other] } => write!(
                f,
                "the overlay's map is broken: clusters {one} and {other} are both said to be at byte {offset}"
            ),
            FormatError::FixedLength => {
                f.write_str("the length of an overlay cannot change: make another one over it")
            }
        }
    }
}

impl std::error::Error for FormatError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header { cluster_bits: 16, length: 1 << 20, backing: "base".to_owned() }
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        assert_eq!(Header::decode(&header().encode()), Ok(header()));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        for at in 0..HEADER_BYTES {
            let mut bytes = header().encode();
            bytes[at] ^= 0x40;
            assert!(Header::decode(&bytes).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_head_that_was_not_written_to_its_end_is_torn() {
        let mut bytes = header().encode();
        bytes[20..].fill(0);
        assert!(matches!(Header::decode(&bytes), Err(FormatError::Torn { .. })));
    }
}
