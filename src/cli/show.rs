//! Tables for people.

use comfy_table::{CellAlignment, Table, presets};

/// A table without frames; columns whose name begins with `>` are set to the right.
pub(super) fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|column| column.trim_start_matches('>').to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in columns.iter().enumerate() {
        if let Some(set) = table.column_mut(index) {
            set.set_padding((0, 2));
            if column.starts_with('>') {
                set.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let lines = table.to_string();
    lines.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A whole number with its thousands apart.
pub(super) fn count(number: impl TryInto<i128>) -> String {
    let number: i128 = number.try_into().unwrap_or_default();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// Prints JSON, indented.
pub(super) fn json(value: &serde_json::Value) {
    println!("{value:#}");
}
