//! The unified social credit code, GB 32100-2015 with its amendment of 2016.
//!
//! A code is judged as it is stored (see [`crate::text::code`]). Length, alphabet, department,
//! division and check character refuse; the inner check of the subject code and an unusual pair of
//! first characters only warn.

/// The alphabet: no I, O, S, V, Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// 3^(i-1) mod 31.
const WEIGHTS: [usize; 17] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
];

/// The weights of the subject code, GB 11714.
const SUBJECT_WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Characters of a code.
const LENGTH: usize = 18;

/// Why a code is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsccError {
    /// It has not 18 characters.
    #[error("credit code has not 18 characters")]
    Length {
        /// What it has.
        chars: usize,
    },
    /// A character that the alphabet lacks, or a letter in the division.
    #[error("credit code holds a character that cannot stand there")]
    Character {
        /// Counted from 1.
        position: usize,
    },
    /// It begins with a 0, or has one as its second character.
    #[error("credit code names no registration department")]
    Department,
    /// The check character is another.
    #[error("check character of the credit code is wrong")]
    Check,
}

/// Judges a code in its stored form.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(code: &str) -> Result<(), UsccError> {
    let chars = code.chars().count();
    if chars != LENGTH {
        return Err(UsccError::Length { chars });
    }
    let mut sum = 0;
    let mut last = 0;
    for (at, letter) in code.chars().enumerate() {
        let value = u8::try_from(letter)
            .ok()
            .and_then(|letter| ALPHABET.iter().position(|known| *known == letter))
            .ok_or(UsccError::Character { position: at + 1 })?;
        // The division of the registering authority.
        if (2..8).contains(&at) && !letter.is_ascii_digit() {
            return Err(UsccError::Character { position: at + 1 });
        }
        match WEIGHTS.get(at) {
            Some(weight) => sum += value * weight,
            None => last = value,
        }
    }
    if code.bytes().take(2).any(|b| b == b'0') {
        return Err(UsccError::Department);
    }
    if (31 - sum % 31) % 31 == last {
        Ok(())
    } else {
        Err(UsccError::Check)
    }
}

/// Returns the check character of the first 17 characters, when they are of the alphabet.
#[must_use]
pub fn check_character(body: &str) -> Option<char> {
    if body.len() != LENGTH - 1 {
        return None;
    }
    let mut sum = 0;
    for (letter, weight) in body.bytes().zip(WEIGHTS) {
        sum += ALPHABET.iter().position(|known| *known == letter)? * weight;
    }
    ALPHABET
        .get((31 - sum % 31) % 31)
        .map(|letter| char::from(*letter))
}

/// Returns the character of the alphabet with this value.
pub(crate) fn letter(value: u64) -> char {
    let at = usize::try_from(value % 31).unwrap_or_default();
    ALPHABET.get(at).map_or('0', |letter| char::from(*letter))
}

/// Returns the check character of a subject code's first eight characters.
#[must_use]
pub fn subject_check_character(body: &str) -> Option<char> {
    if body.len() != 8 {
        return None;
    }
    let mut sum = 0;
    for (letter, weight) in body.chars().zip(SUBJECT_WEIGHTS) {
        sum += usize::try_from(letter.to_digit(36)?).ok()? * weight;
    }
    match 11 - sum % 11 {
        10 => Some('X'),
        11 => Some('0'),
        digit => char::from_digit(u32::try_from(digit).ok()?, 10),
    }
}

/// Whether the inner check of the subject code holds, in a code that [`check`] accepts. Old codes
/// exist that break it, so it only warns.
#[must_use]
pub fn subject_holds(code: &str) -> bool {
    let (Some(body), Some(last)) = (code.get(8..16), code.get(16..17)) else {
        return false;
    };
    subject_check_character(body).is_some_and(|check| last.starts_with(check))
}

/// What the first two characters say a body is; none for a pair that these kinds do not use.
#[must_use]
pub fn org_kinds(code: &str) -> Option<&'static [&'static str]> {
    let kinds: &[&str] = match code.get(..2)? {
        "91" => &[
            "private_enterprise",
            "hmt_enterprise",
            "foreign_enterprise",
            "other_nonpublic_enterprise",
            "accounting_firm",
            "tax_firm",
        ],
        "92" => &["individual_business", "accounting_firm", "tax_firm"],
        "93" => &["farmer_cooperative"],
        "51" => &["social_group"],
        "52" => &["private_non_enterprise"],
        "53" => &["foundation"],
        "31" => &["law_firm"],
        "N1" | "N2" | "N3" | "Y1" => &["other_social", "other_nonpublic_enterprise"],
        _ => return None,
    };
    Some(kinds)
}

/// The division of the registering authority: characters 3 to 8.
#[must_use]
pub fn region(code: &str) -> Option<&str> {
    code.get(2..8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_validator_agrees_with_every_vector() {
        let vectors = include_str!("../../../tests/data/uscc_vectors.csv");
        let (mut valid, mut invalid) = (0, 0);
        for row in vectors.lines().skip(1) {
            let mut cells = row.split(',');
            let code = crate::text::code(cells.next().unwrap());
            if cells.next() == Some("1") {
                assert_eq!(check(&code), Ok(()), "{row}");
                assert!(subject_holds(&code), "{row}");
                assert!(org_kinds(&code).is_some(), "{row}");
                valid += 1;
            } else {
                assert!(check(&code).is_err(), "{row}");
                invalid += 1;
            }
        }
        assert_eq!((valid, invalid), (200, 200));
    }

    #[test]
    fn codes_of_departments_with_a_letter_are_accepted() {
        let vectors = include_str!("../../../tests/data/uscc_letter_authority.csv");
        let mut rows = 0;
        for row in vectors.lines().skip(1) {
            let code = row.split(',').next().unwrap();
            assert_eq!(check(code), Ok(()), "{row}");
            rows += 1;
        }
        assert_eq!(rows, 20);
    }

    #[test]
    fn zeros_alone_are_no_code() {
        assert_eq!(check("000000000000000000"), Err(UsccError::Department));
        assert_eq!(check(""), Err(UsccError::Length { chars: 0 }));
        assert_eq!(
            check("91410305DEM1FYRA5４"),
            Err(UsccError::Character { position: 18 })
        );
    }

    #[test]
    fn the_check_character_of_a_valid_code_is_its_last() {
        assert_eq!(check_character("91410305DEM1FYRA5"), Some('4'));
        assert_eq!(check_character("9141"), None);
    }
}
