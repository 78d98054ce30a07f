//! Columns, spaced as Podman's are: at least 12 wide, two blanks between, the last one as it is.

const MINIMUM: usize = 12;
const GAP: usize = 2;

/// Lays rows of cells out, one line a row. All rows should have as many cells as the first one.
pub fn lay_out(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let widest = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
            MINIMUM.max(widest.unwrap_or(0) + GAP)
        })
        .collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        text.push_str(cell);
        if index + 1 < row.len() {
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::lay_out;

    #[test]
    fn columns_are_podmans() {
        let cell = |text: &str| text.to_owned();
        let rows = vec![
            vec![cell("REPOSITORY"), cell("TAG"), cell("SIZE")],
            vec![cell("docker.io/library/debian"), cell("trixie"), cell("84.2 MB")],
        ];
        let text = "REPOSITORY                TAG         SIZE\n\
                    docker.io/library/debian  trixie      84.2 MB\n";
        assert_eq!(lay_out(&rows), text);
        assert_eq!(lay_out(&[]), "");
    }
}
