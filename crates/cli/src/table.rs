//! A table of text, columns as wide as their widest cell.

/// Lays rows out under a header. Line breaks and control characters in a cell become spaces.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(&header)
        .chain(rows)
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    lines.iter().map(|cells| line(cells, &widths)).collect()
}

fn one_line(cell: &str) -> String {
    cell.replace(char::is_control, " ")
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
        .collect();
    format!("{}\n", padded.join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [["é", "1"], ["long\nname", "2"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&["", "n"], &rows),
            "           n\né          1\nlong name  2\n"
        );
    }
}
