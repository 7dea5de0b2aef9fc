//! `net.SplitHostPort` and `filepath.Match`.

/// What `net.SplitHostPort` says about an address; `None` if it has a host and a port.
pub(crate) fn split_host_port_fault(address: &str) -> Option<String> {
    let fault = |what: &str| Some(format!("address {address}: {what}"));
    let (missing, many) = ("missing port in address", "too many colons in address");
    let Some(colon) = address.rfind(':') else { return fault(missing) };
    let (before, after) = if address.starts_with('[') {
        let Some(end) = address.find(']') else { return fault("missing ']' in address") };
        match end + 1 {
            next if next == address.len() => return fault(missing),
            next if next == colon => {}
            next if address.get(next..).is_some_and(|rest| rest.starts_with(':')) => return fault(many),
            _ => return fault(missing),
        }
        (1, end + 1)
    } else {
        if address.get(..colon).is_some_and(|host| host.contains(':')) {
            return fault(many);
        }
        (0, 0)
    };
    if address.get(before..).is_some_and(|rest| rest.contains('[')) {
        return fault("unexpected '[' in address");
    }
    if address.get(after..).is_some_and(|rest| rest.contains(']')) {
        return fault("unexpected ']' in address");
    }
    None
}

/// Whether `filepath.Match` calls a pattern malformed ("syntax error in pattern") when it is matched with an empty name. It
/// looks no further than to the first star after something else: there it knows that such a name does not match.
pub(crate) fn is_bad_path_pattern(pattern: &str) -> bool {
    let mut rest = pattern.trim_start_matches('*').chars();
    while let Some(c) = rest.next() {
        let good = match c {
            '*' => return false,
            '\\' => rest.next().is_some(),
            '[' => skip_class(&mut rest).is_some(),
            _ => true,
        };
        if !good {
            return true;
        }
    }
    false
}

/// A class up to its `]`: at least one character or range.
fn skip_class(rest: &mut std::str::Chars<'_>) -> Option<()> {
    let skip = |rest: &mut std::str::Chars<'_>, wanted: char| {
        let found = rest.as_str().starts_with(wanted);
        if found {
            rest.next();
        }
        found
    };
    skip(rest, '^');
    let mut ranges = 0;
    loop {
        if ranges > 0 && skip(rest, ']') {
            return Some(());
        }
        class_char(rest)?;
        if skip(rest, '-') {
            class_char(rest)?;
        }
        ranges += 1;
    }
}

fn class_char(rest: &mut std::str::Chars<'_>) -> Option<()> {
    match rest.next()? {
        '-' | ']' => return None,
        '\\' => rest.next().map(drop)?,
        _ => {}
    }
    // A class that ends here is not closed.
    (!rest.as_str().is_empty()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 answers.
    #[test]
    fn addresses_are_split_as_in_go() {
        for (address, fault) in [
            ("localhost", "missing port in address"),
            ("localhost:1", ""),
            ("::1", "too many colons in address"),
            ("[::1]", "missing port in address"),
            ("[::1]:1", ""),
            ("[::1", "missing ']' in address"),
            ("a]b:1", "unexpected ']' in address"),
            ("a[b:1", "unexpected '[' in address"),
            ("a:b:c", "too many colons in address"),
            ("[a]b:1", "missing port in address"),
            ("[a]:b:c", "too many colons in address"),
        ] {
            let expected = (!fault.is_empty()).then(|| format!("address {address}: {fault}"));
            assert_eq!(split_host_port_fault(address), expected, "{address}");
        }
    }

    #[test]
    fn patterns_are_malformed_as_in_go() {
        for bad in
            ["[", "a[", "[]", "[]a]", "[a-]", "[-a]", "[^]", "\\", "[\\]", "*[", "a?[b", "[a", "[^", "[a-", "[]-a]"]
        {
            assert!(is_bad_path_pattern(bad), "{bad}");
        }
        for good in ["", "x]", "[a-b]", "[^a]", "[\\]]", "[a]b]", "[!a]", "[b-a]", "**/*", "a?", "a*[", "a*\\", "[*]*["]
        {
            assert!(!is_bad_path_pattern(good), "{good}");
        }
    }
}
