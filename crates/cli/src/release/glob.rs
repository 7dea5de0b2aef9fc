//! Patterns of `--only`: `kubectl`, `*.tar.gz`, `bin/linux/**`.

/// A pattern of file names. `*` and `?` stand for what is no slash, `**` as a part of its own for any parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern(String);

/// Longest pattern.
const LONGEST: usize = 256;

impl Pattern {
    /// Reads a pattern; `None` if it is empty or too long.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// The pattern as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, if it is no pattern.
    pub fn literal(&self) -> Option<&str> {
        (!self.0.contains(['*', '?'])).then_some(&self.0)
    }

    /// Whether it is one of whole paths, and not of names.
    pub fn is_of_paths(&self) -> bool {
        self.0.contains('/')
    }

    /// Whether it matches a path: the whole of it if the pattern has a slash, else its last part. A name also matches
    /// with the `.exe` that Windows adds.
    pub fn matches(&self, path: &str) -> bool {
        if self.is_of_paths() {
            let pattern: Vec<&str> = self.0.split('/').collect();
            let path: Vec<&str> = path.split('/').collect();
            return parts_match(&pattern, &path);
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let bare = name.strip_suffix(".exe");
        name_matches(&self.0, name) || bare.is_some_and(|bare| self.literal() == Some(bare))
    }
}

/// `**` takes back parts only up to the last `**`, so that the time is at most the product of both lengths.
fn parts_match(pattern: &[&str], path: &[&str]) -> bool {
    wildcard(
        pattern.len(),
        path.len(),
        |p| pattern.get(p) == Some(&"**"),
        |p, at| match (pattern.get(p), path.get(at)) {
            (Some(pattern), Some(part)) => name_matches(pattern, part),
            _ => false,
        },
    )
}

fn name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    wildcard(
        pattern.len(),
        name.len(),
        |p| pattern.get(p) == Some(&b'*'),
        |p, at| pattern.get(p).is_some_and(|c| *c == b'?' || name.get(at) == Some(c)),
    )
}

/// The usual matching with one place to go back to.
fn wildcard(
    pattern_length: usize,
    length: usize,
    is_star: impl Fn(usize) -> bool,
    matches: impl Fn(usize, usize) -> bool,
) -> bool {
    let (mut p, mut at) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < length {
        if p < pattern_length && is_star(p) {
            back = Some((p, at));
            p += 1;
        } else if p < pattern_length && matches(p, at) {
            p += 1;
            at += 1;
        } else if let Some((star, taken)) = back {
            back = Some((star, taken + 1));
            p = star + 1;
            at = taken + 1;
        } else {
            return false;
        }
    }
    while p < pattern_length && is_star(p) {
        p += 1;
    }
    p == pattern_length
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("kubectl", "bin/linux/amd64/kubectl", true),
            ("kubectl", "bin/windows/amd64/kubectl.exe", true),
            ("kubectl", "bin/linux/amd64/kubectl-convert", false),
            ("kube*", "bin/linux/amd64/kubelet", true),
            ("*.tar.gz", "kubernetes.tar.gz", true),
            ("*.tar.gz", "kubernetes.tar", false),
            ("kube???", "bin/linux/amd64/kubelet", true),
            ("bin/linux/*/kubectl", "bin/linux/amd64/kubectl", true),
            ("bin/*/kubectl", "bin/linux/amd64/kubectl", false),
            ("bin/**/kubectl", "bin/linux/amd64/kubectl", true),
            ("extra/**", "extra/gce/configure.sh", true),
            ("**/configure.sh", "extra/gce/configure.sh", true),
            ("extra/**", "bin/linux/amd64/kubectl", false),
            ("*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(path), expected, "{pattern} {path}");
        }
        assert_eq!(Pattern::parse(""), None);
    }
}
