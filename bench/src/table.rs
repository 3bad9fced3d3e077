//! Columns of text, the first to the left, the others to the right.

use indicatif::HumanCount;

/// Prints rows under a heading.
pub(crate) fn print(title: &str, heading: &[&str], rows: &[Vec<String>]) {
    println!("\n{title}\n");
    let heading: Vec<String> = heading.iter().map(|each| (*each).to_owned()).collect();
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| {
            let cells = std::iter::once(&heading).chain(rows).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let width = *width;
            line +=
                &if column == 0 { format!("{cell:width$}") } else { format!("  {cell:>width$}") };
        }
        println!("{}", line.trim_end());
    }
}

/// A number with its thousands set apart.
pub(crate) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A number that was measured, with its thousands set apart.
pub(crate) fn rounded(number: f64) -> String {
    count(number.round().max(0.0) as u64)
}

/// The middle one.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
