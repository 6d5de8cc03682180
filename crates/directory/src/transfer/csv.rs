//! Comma-separated values.

use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use serde_json::Value;

use super::{Held, Lines, Record};

const COLUMNS: [&str; 3] = ["kind", "holder", "value"];

pub(super) fn read(
    text: &str,
    take: &mut dyn FnMut(u64, Record<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let (mut record, mut lines) = (StringRecord::new(), Lines::of(text));
    let mut first = true;
    loop {
        let start = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        // The reader passes over empty lines before a record.
        let rest = text.get(start..).unwrap_or_default();
        let blank = rest
            .len()
            .saturating_sub(rest.trim_start_matches(['\r', '\n']).len());
        let line = lines.at(start.saturating_add(blank));
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) if first => return Err(format!("line 1: must be {}", COLUMNS.join(","))),
            Ok(false) => return Ok(()),
            Err(error) => return Err(format!("line {line}: {error}")),
        }
        if first && record.iter().ne(COLUMNS) {
            return Err(format!("line {line}: must be {}", COLUMNS.join(",")));
        }
        if !first {
            one(line, &record, take)?;
        }
        first = false;
    }
}

fn one(
    line: u64,
    record: &StringRecord,
    take: &mut dyn FnMut(u64, Record<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let fields: Vec<&str> = record.iter().collect();
    let [kind, holder, value] = fields[..] else {
        let count = fields.len();
        return Err(format!("line {line}: has {count} fields, and there are 3"));
    };
    let value = Held::Text(value);
    take(
        line,
        Record {
            kind,
            holder,
            value,
        },
    )
}

pub(super) fn write(rows: &[(&str, &str, Value)]) -> Result<String, String> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    let failed = |error: csv::Error| error.to_string();
    writer.write_record(COLUMNS).map_err(failed)?;
    for (kind, holder, value) in rows {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        writer
            .write_record([*kind, *holder, &value])
            .map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
