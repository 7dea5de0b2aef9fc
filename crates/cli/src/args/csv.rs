//! One record as Go's `encoding/csv` reads it: pflag splits the values of its lists so.

/// The first record of a text, as pflag's `readAsCSV`; no text is no value. `Err` holds the reason in Go's words.
pub(super) fn record(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader { rest: text, number: 0 };
    let line = loop {
        match reader.line() {
            None => return Err("EOF".to_owned()),
            Some("" | "\n" | "\r\n") => {}
            Some(line) => break line,
        }
    };
    let start = reader.number;
    let mut record = Record { start, number: start, column: 1, line, reader, fields: Vec::new() };
    while record.field()? == Next::Field {}
    Ok(record.fields)
}

struct Reader<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Reader<'a> {
    /// The next line with its end.
    fn line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        // Go drops a carriage return at the very end.
        Some(if rest.is_empty() { line.strip_suffix('\r').unwrap_or(line) } else { line })
    }
}

struct Record<'a> {
    start: usize,
    /// Of the current line.
    number: usize,
    /// Of the rest of the line, in bytes from 1 on.
    column: usize,
    line: &'a str,
    reader: Reader<'a>,
    fields: Vec<String>,
}

#[derive(Debug, Eq, PartialEq)]
enum Next {
    End,
    Field,
}

impl Record<'_> {
    fn field(&mut self) -> Result<Next, String> {
        if let Some(quoted) = self.line.strip_prefix('"') {
            self.line = quoted;
            self.column += 1;
            return self.quoted_field();
        }
        let (field, rest) = match self.line.split_once(',') {
            Some((field, rest)) => (field, Some(rest)),
            None => (without_line_end(self.line), None),
        };
        if let Some(at) = field.find('"') {
            return Err(self.error(self.column + at, "bare \" in non-quoted-field"));
        }
        self.fields.push(field.to_owned());
        let Some(rest) = rest else { return Ok(Next::End) };
        self.column += field.len() + 1;
        self.line = rest;
        Ok(Next::Field)
    }

    fn quoted_field(&mut self) -> Result<Next, String> {
        const FAULT: &str = "extraneous or missing \" in quoted-field";
        let mut field = String::new();
        loop {
            let Some((inside, after)) = self.line.split_once('"') else {
                // It goes on in the next line.
                match self.line.strip_suffix("\r\n") {
                    None => field.push_str(self.line),
                    Some(text) => field.extend([text, "\n"]),
                }
                self.column += self.line.len();
                self.line = match self.reader.line() {
                    None => return Err(self.error(self.column, FAULT)),
                    Some(line) => line,
                };
                self.number += 1;
                self.column = 1;
                continue;
            };
            field.push_str(inside);
            self.column += inside.len() + 1;
            self.line = after;
            if let Some(rest) = after.strip_prefix('"') {
                field.push('"');
                self.line = rest;
                self.column += 1;
            } else if let Some(rest) = after.strip_prefix(',') {
                self.line = rest;
                self.column += 1;
                self.fields.push(field);
                return Ok(Next::Field);
            } else if without_line_end(after).is_empty() {
                self.fields.push(field);
                return Ok(Next::End);
            } else {
                return Err(self.error(self.column - 1, FAULT));
            }
        }
    }

    fn error(&self, column: usize, fault: &str) -> String {
        let (start, line) = (self.start, self.number);
        let place = format!("parse error on line {line}, column {column}: {fault}");
        if start == line { place } else { format!("record on line {start}; {place}") }
    }
}

fn without_line_end(line: &str) -> &str {
    line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::record;

    #[test]
    fn lists_are_split_as_go_splits_them() {
        let good: [(&str, &[&str]); 11] = [
            ("", &[]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            (",", &["", ""]),
            ("a=\u{e9},", &["a=\u{e9}", ""]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"a\"\"b\"", &["a\"b"]),
            ("\"\"", &[""]),
            ("\"a\r\nb\"", &["a\nb"]),
            ("\n\r\na\nb", &["a"]),
            ("a\r\n", &["a"]),
        ];
        for (text, fields) in good {
            assert_eq!(record(text), Ok(fields.iter().map(|&field| field.to_owned()).collect()), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_as_go_says_it() {
        let quotes = "extraneous or missing \" in quoted-field";
        let bad = [
            ("\n", "EOF".to_owned()),
            ("x\"y=1", "parse error on line 1, column 2: bare \" in non-quoted-field".to_owned()),
            ("a,b\"", "parse error on line 1, column 4: bare \" in non-quoted-field".to_owned()),
            ("\"x", format!("parse error on line 1, column 3: {quotes}")),
            ("\"x\"y", format!("parse error on line 1, column 3: {quotes}")),
            ("\"x\ny", format!("record on line 1; parse error on line 2, column 2: {quotes}")),
        ];
        for (text, reason) in bad {
            assert_eq!(record(text), Err(reason), "{text:?}");
        }
    }
}
