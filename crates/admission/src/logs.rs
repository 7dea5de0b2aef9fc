//! What the program tells of itself: one line for each event, as JSON or as text, on standard output.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::limits;

/// How lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// `time level event key=value …`.
    Text,
}

/// How much is told. What is denied is always told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum LogLevel {
    /// What is wrong.
    Error,
    /// And what may become wrong.
    Warn,
    /// And each decision.
    #[default]
    Info,
}

impl LogLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
        }
    }
}

/// Where lines go. Clones share it. A line that finds no room is counted and dropped: whoever reads slowly must not hold
/// up reviews.
#[derive(Debug, Clone)]
pub struct Log {
    lines: SyncSender<String>,
    dropped: Arc<AtomicU64>,
    format: LogFormat,
    level: LogLevel,
}

impl Log {
    /// Starts to write to standard output.
    pub fn start(format: LogFormat, level: LogLevel) -> Self {
        let (lines, waiting) = sync_channel::<String>(limits::LOG_LINES);
        std::thread::spawn(move || {
            let mut out = std::io::stdout();
            while let Ok(line) = waiting.recv() {
                // With nobody to read it there is nobody to tell that either.
                let _ = out.write_all(line.as_bytes());
                let _ = out.flush();
            }
        });
        Self { lines, dropped: Arc::default(), format, level }
    }

    /// Something happened.
    pub fn info(&self, event: &str, fields: Value) {
        self.write(LogLevel::Info, event, fields);
    }

    /// Something may become wrong.
    pub fn warn(&self, event: &str, fields: Value) {
        self.write(LogLevel::Warn, event, fields);
    }

    /// Something is wrong.
    pub fn error(&self, event: &str, fields: Value) {
        self.write(LogLevel::Error, event, fields);
    }

    /// Lines that found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether lines of this level are written.
    pub fn tells(&self, level: LogLevel) -> bool {
        level <= self.level
    }

    fn write(&self, level: LogLevel, event: &str, fields: Value) {
        if !self.tells(level) {
            return;
        }
        let line = line(self.format, level, event, Timestamp::now(), fields);
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn line(format: LogFormat, level: LogLevel, event: &str, now: Timestamp, fields: Value) -> String {
    let fields = match fields {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    match format {
        LogFormat::Json => {
            let mut all = Map::new();
            all.insert("time".into(), now.to_string().into());
            all.insert("level".into(), level.name().into());
            all.insert("event".into(), event.into());
            all.extend(fields);
            format!("{}\n", Value::Object(all))
        }
        LogFormat::Text => {
            let mut text = format!("{now} {} {event}", level.name());
            for (name, value) in fields {
                // JSON keeps line breaks out of the line.
                text.push_str(&format!(" {name}={value}"));
            }
            text.push('\n');
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_event_is_one_line() {
        let fields = json!({"message": "a\nb\u{1b}", "count": 1});
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = line(format, LogLevel::Warn, "review", Timestamp::UNIX_EPOCH, fields.clone());
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            assert!(!text.contains('\u{1b}') && text.contains("1970-01-01T00:00:00Z"), "{text}");
        }
    }
}
