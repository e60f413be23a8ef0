//! Column letters: `A` is column 0, `AA` is column 26.
//!
//! Guarantees that letters and numbers are each other's inverse for every column of a sheet.

/// Returns the letters of a column counted from 0.
pub(crate) fn letters(column: u32) -> String {
    let mut rest = column + 1;
    let mut reversed = Vec::new();
    while rest > 0 {
        let digit = (rest - 1) % 26;
        reversed.push(char::from_u32(u32::from(b'A') + digit).unwrap_or('?'));
        rest = (rest - 1) / 26;
    }
    reversed.iter().rev().collect()
}

/// Returns the cell (line from 1, column from 0) that a reference such as `AB12` names.
pub(crate) fn position(reference: &str) -> Option<(u32, u32)> {
    let mut column: u32 = 0;
    let mut line: u32 = 0;
    for byte in reference.bytes().filter(|byte| *byte != b'$') {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' if line == 0 => {
                let digit = u32::from(byte.to_ascii_uppercase() - b'A') + 1;
                column = column.checked_mul(26)?.checked_add(digit)?;
            }
            b'0'..=b'9' => line = line.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?,
            _ => return None,
        }
    }
    if line == 0 || column == 0 {
        None
    } else {
        Some((line, column - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::{letters, position};

    #[test]
    fn letters_and_positions_are_inverse() {
        for column in [0, 1, 25, 26, 51, 52, 701, 702, 16_383] {
            assert_eq!(
                position(&format!("{}7", letters(column))),
                Some((7, column))
            );
        }
        assert_eq!(letters(27), "AB");
        assert_eq!(position("$C$12"), Some((12, 2)));
        for broken in ["", "A", "12", "A1B", "ZZZZZZZZZ1", "A99999999999", "甲1"] {
            assert_eq!(position(broken), None, "{broken}");
        }
    }
}
