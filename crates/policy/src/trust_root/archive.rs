//! `mirrorFS`: a TUF repository as a gzipped tar archive, read in memory.
//!
//! The reader is strict and small: files and folders only. Links, devices and names that leave the archive are refused, so
//! that nobody who reads the same archive with another program sees other files. What is in a file proves nothing by itself:
//! TUF's signatures do.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::limits::{MAX_ARCHIVE_BYTES, MAX_ARCHIVE_FILES};

/// Why an archive is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ArchiveFault {
    /// It is not gzip; Go's words.
    #[error("gzip: invalid header")]
    Header,
    /// It is damaged gzip.
    #[error("gzip: {reason}")]
    Gzip {
        /// What is wrong.
        reason: String,
    },
    /// It unpacks to more than [`MAX_ARCHIVE_BYTES`].
    #[error("the archive unpacks to more than {MAX_ARCHIVE_BYTES} bytes")]
    TooLarge,
    /// It has more than [`MAX_ARCHIVE_FILES`] files.
    #[error("the archive has more than {MAX_ARCHIVE_FILES} files")]
    TooManyFiles,
    /// It is not tar, or damaged.
    #[error("archive/tar: {what} at byte {at}")]
    Tar {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// A link, a device, or another entry that is neither file nor folder.
    #[error("archive/tar: {name:?} is neither a file nor a folder (type {kind:?})")]
    Kind {
        /// Its name.
        name: String,
        /// The type's letter.
        kind: char,
    },
    /// A name that leaves the archive, or is none.
    #[error("content filepath is tainted: {name:?}")]
    Name {
        /// The name.
        name: String,
    },
    /// Two files of one name.
    #[error("archive/tar: {name:?} stands twice")]
    Twice {
        /// The name.
        name: String,
    },
}

/// The files of an archive by their path, without the folder `repository/` that TUF's tools put around them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Archive {
    files: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    /// Unpacks an archive.
    pub(super) fn read(packed: &[u8]) -> Result<Self, ArchiveFault> {
        let bytes = unpack(packed)?;
        let mut reader = Reader { bytes: &bytes, at: 0 };
        let mut files = BTreeMap::new();
        while let Some(entry) = reader.entry()? {
            let Some(content) = entry.content else { continue };
            if files.len() >= MAX_ARCHIVE_FILES {
                return Err(ArchiveFault::TooManyFiles);
            }
            let path = path_of(&entry.name)?;
            if files.insert(path, content.to_vec()).is_some() {
                return Err(ArchiveFault::Twice { name: entry.name });
            }
        }
        Ok(Self { files })
    }

    /// A file.
    pub(super) fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, ArchiveFault> {
    // RFC 1952 §2.3: the two magic bytes, and the one method that there is.
    if !packed.starts_with(&[0x1f, 0x8b, 8]) {
        return Err(ArchiveFault::Header);
    }
    let limit = u64::try_from(MAX_ARCHIVE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let mut unpacked = MultiGzDecoder::new(packed).take(limit.saturating_add(1));
    unpacked.read_to_end(&mut bytes).map_err(|fault| ArchiveFault::Gzip { reason: fault.to_string() })?;
    if bytes.len() > MAX_ARCHIVE_BYTES { Err(ArchiveFault::TooLarge) } else { Ok(bytes) }
}

/// The path of a file: relative, without `.` and without the folder around the repository.
fn path_of(name: &str) -> Result<String, ArchiveFault> {
    let bad = || ArchiveFault::Name { name: name.to_owned() };
    if name.contains(['\0', '\\']) || name.ends_with('/') {
        return Err(bad());
    }
    let segments: Vec<&str> = name.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
    if segments.is_empty() || segments.contains(&"..") {
        return Err(bad());
    }
    let inside = match segments.split_first() {
        Some((&"repository", rest)) if !rest.is_empty() => rest,
        _ => &segments,
    };
    Ok(inside.join("/"))
}

const BLOCK: usize = 512;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

struct Entry<'a> {
    name: String,
    /// `None` for a folder.
    content: Option<&'a [u8]>,
}

impl<'a> Reader<'a> {
    /// The next file or folder; `None` at the end.
    fn entry(&mut self) -> Result<Option<Entry<'a>>, ArchiveFault> {
        let mut long_name = None;
        loop {
            let at = self.at;
            let fault = |what| ArchiveFault::Tar { what, at };
            let Some(header) = self.header()? else {
                return if long_name.is_none() { Ok(None) } else { Err(fault("a name without a file")) };
            };
            let size = octal(field(header, 124, 12)).ok_or_else(|| fault("invalid size"))?;
            let content = self.content(size)?;
            let kind = header.get(156).copied().unwrap_or_default();
            match kind {
                b'L' => long_name = Some(text(until_nul(content)).ok_or_else(|| fault("a name that is no text"))?),
                b'x' => {
                    let records = pax(content).ok_or_else(|| fault("invalid extended header"))?;
                    if let Some(size_again) = records.get("size")
                        && self.next_size() != size_again.parse().ok()
                    {
                        return Err(fault("two sizes of one file"));
                    }
                    if records.keys().any(|key| key.starts_with("GNU.sparse")) {
                        return Err(fault("a sparse file"));
                    }
                    long_name = records.get("path").cloned().or(long_name);
                }
                b'g' => {}
                _ => {
                    let name = match long_name {
                        Some(name) => name,
                        None => short_name(header).ok_or_else(|| fault("a name that is no text"))?,
                    };
                    let is_folder = kind == b'5' || (kind == 0 && name.ends_with('/'));
                    return match kind {
                        _ if is_folder => Ok(Some(Entry { name, content: None })),
                        b'0' | 0 => Ok(Some(Entry { name, content: Some(content) })),
                        other => Err(ArchiveFault::Kind { name, kind: char::from(other) }),
                    };
                }
            }
        }
    }

    /// A header whose checksum holds; `None` at the end: two blocks of zeros, or nothing more.
    fn header(&mut self) -> Result<Option<&'a [u8]>, ArchiveFault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let fault = |what| ArchiveFault::Tar { what, at: self.at };
        let Some(header) = rest.get(..BLOCK) else { return Err(fault("unexpected end")) };
        if header.iter().all(|&b| b == 0) {
            return Ok(None);
        }
        let sum = |(at, &b): (usize, &u8)| usize::from(if (148..156).contains(&at) { b' ' } else { b });
        let computed: usize = header.iter().enumerate().map(sum).sum();
        if octal(field(header, 148, 8)) != Some(computed) {
            return Err(fault("invalid tar header"));
        }
        self.at += BLOCK;
        Ok(Some(header))
    }

    fn content(&mut self, size: usize) -> Result<&'a [u8], ArchiveFault> {
        let fault = ArchiveFault::Tar { what: "unexpected end", at: self.at };
        let end = self.at.checked_add(size).ok_or_else(|| fault.clone())?;
        let content = self.bytes.get(self.at..end).ok_or(fault)?;
        // The last block may lack its filling.
        self.at = end.next_multiple_of(BLOCK).min(self.bytes.len());
        Ok(content)
    }

    fn next_size(&self) -> Option<usize> {
        octal(field(self.bytes.get(self.at..self.at.checked_add(BLOCK)?)?, 124, 12))
    }
}

fn field(header: &[u8], at: usize, length: usize) -> &[u8] {
    header.get(at..at + length).unwrap_or_default()
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// Octal digits with spaces and zero bytes around them. The binary form is for files above 8 GiB.
fn octal(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { usize::from_str_radix(text, 8).ok().filter(|_| !text.starts_with('+')) }
}

/// Prefix and name of POSIX (IEEE 1003.1, ustar). GNU's format has other things where the prefix is.
fn short_name(header: &[u8]) -> Option<String> {
    let name = text(until_nul(field(header, 0, 100)))?;
    let is_posix = field(header, 257, 6) == b"ustar\0";
    let prefix = text(until_nul(field(header, 345, 155))).filter(|_| is_posix).unwrap_or_default();
    Some(if prefix.is_empty() { name } else { format!("{prefix}/{name}") })
}

/// Records of an extended header: `LENGTH KEY=VALUE\n`.
fn pax(mut bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut records = BTreeMap::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|&b| b == b' ')?;
        let length: usize = std::str::from_utf8(bytes.get(..space)?).ok()?.parse().ok()?;
        let (record, rest) = bytes.split_at_checked(length)?;
        let record = std::str::from_utf8(record.get(space + 1..)?).ok()?.strip_suffix('\n')?;
        let (key, value) = record.split_once('=')?;
        records.insert(key.to_owned(), value.to_owned());
        bytes = rest;
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use sigward_testkit::gzip;

    use super::*;

    fn header(name: &str, size: usize, kind: u8) -> Vec<u8> {
        let mut header = vec![0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        header[156] = kind;
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].copy_from_slice(b"        ");
        let sum: usize = header.iter().map(|&b| usize::from(b)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        header
    }

    fn entry(name: &str, content: &[u8], kind: u8) -> Vec<u8> {
        let mut out = header(name, content.len(), kind);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        out
    }

    fn read(tar: &[Vec<u8>]) -> Result<Archive, ArchiveFault> {
        Archive::read(&gzip::pack(&[tar.concat(), vec![0; 2 * BLOCK]].concat()))
    }

    fn record(key: &str, value: &str) -> Vec<u8> {
        let body = format!(" {key}={value}\n");
        let length = (1..).find(|n| n.to_string().len() + body.len() == *n).unwrap();
        format!("{length}{body}").into_bytes()
    }

    #[test]
    fn files_are_found_with_and_without_the_folder_around_them() {
        let long = "targets/".to_owned() + &"a".repeat(150);
        let archive = read(&[
            entry("repository/", b"", b'5'),
            entry("repository/1.root.json", b"root", b'0'),
            entry("./repository/timestamp.json", b"time", 0),
            entry("snapshot.json", b"", b'0'),
            entry("g", &record("comment", "x"), b'g'),
            entry("x", &record("path", &format!("repository/{long}")), b'x'),
            entry("short", b"pax", b'0'),
            entry("././@LongLink", format!("{long}b\0").as_bytes(), b'L'),
            entry("short", b"gnu", b'0'),
        ])
        .unwrap();
        for (path, content) in [
            ("1.root.json", "root"),
            ("timestamp.json", "time"),
            ("snapshot.json", ""),
            (&long, "pax"),
            (&format!("{long}b"), "gnu"),
        ] {
            assert_eq!(archive.get(path), Some(content.as_bytes()), "{path}");
        }
        assert_eq!(archive.files.len(), 5);
    }

    #[test]
    fn a_name_that_leaves_the_archive_is_refused() {
        for name in ["../x", "a/../../x", "repository/../../x", "..", "a\\x", "./"] {
            let refused = read(&[entry(name, b"x", b'0')]);
            assert!(matches!(refused, Err(ArchiveFault::Name { .. })), "{name}: {refused:?}");
        }
        // An absolute name is one within the archive.
        assert!(read(&[entry("/etc/passwd", b"x", b'0')]).unwrap().get("etc/passwd").is_some());
    }

    #[test]
    fn links_and_devices_are_refused() {
        for kind in [b'1', b'2', b'3', b'4', b'6', b'7', b'K', b'S', b'V', b'M'] {
            let refused = read(&[entry("1.root.json", b"", kind)]);
            assert!(matches!(refused, Err(ArchiveFault::Kind { .. })), "{kind}: {refused:?}");
        }
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let twice = read(&[entry("repository/a", b"1", b'0'), entry("a", b"2", b'0')]);
        assert_eq!(twice, Err(ArchiveFault::Twice { name: "a".into() }));
    }

    #[test]
    fn a_file_whose_two_sizes_differ_is_refused() {
        // CVE-2025-62518: a reader that took one for the data and the other for the step saw files inside of a file.
        let other = read(&[entry("x", &record("size", "1024"), b'x'), entry("a", b"1", b'0')]);
        assert!(matches!(other, Err(ArchiveFault::Tar { what: "two sizes of one file", .. })), "{other:?}");
        let sparse = read(&[entry("x", &record("GNU.sparse.major", "1"), b'x'), entry("a", b"1", b'0')]);
        assert!(matches!(sparse, Err(ArchiveFault::Tar { what: "a sparse file", .. })), "{sparse:?}");
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        for bytes in [&b""[..], b"PK\x03\x04", b"\x1f\x8b", b"text"] {
            assert_eq!(Archive::read(bytes), Err(ArchiveFault::Header));
        }
        assert!(matches!(Archive::read(b"\x1f\x8b\x08\x00"), Err(ArchiveFault::Gzip { .. })));
        assert!(matches!(Archive::read(&gzip::pack(b"text")), Err(ArchiveFault::Tar { .. })));
        assert!(matches!(Archive::read(&gzip::pack(&[b'a'; BLOCK])), Err(ArchiveFault::Tar { .. })));
        let mut cut = header("a", 600, b'0');
        cut.extend_from_slice(&[b'x'; BLOCK]);
        assert!(matches!(Archive::read(&gzip::pack(&cut)), Err(ArchiveFault::Tar { .. })));
        let huge = header("a", 0o77_777_777_777, b'0');
        assert!(matches!(Archive::read(&gzip::pack(&huge)), Err(ArchiveFault::Tar { .. })));
        let nameless = entry("././@LongLink", b"x\0", b'L');
        assert!(matches!(read(&[nameless]), Err(ArchiveFault::Tar { .. })));
        assert_eq!(Archive::read(&gzip::pack(b"")), Ok(Archive::default()));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = gzip::bomb(10 * MAX_ARCHIVE_BYTES);
        assert!(bomb.len() < crate::limits::MAX_OBJECT_BYTES);
        assert_eq!(Archive::read(&bomb), Err(ArchiveFault::TooLarge));
        let many: Vec<_> = (0..=MAX_ARCHIVE_FILES).map(|n| entry(&n.to_string(), b"", b'0')).collect();
        assert_eq!(read(&many), Err(ArchiveFault::TooManyFiles));
    }
}
