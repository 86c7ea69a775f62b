//! Normalisation to 27 symbols.

use serde::{Deserialize, Serialize};

/// Normalisation of a text before encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// No normalisation.
    #[default]
    None,
    /// [`normalise27`].
    Text27,
}

/// Normalises a text to the 27 symbols of text8: lower case, digits spelled out, accents dropped,
/// and one space for every run of other characters.
///
/// # Source
///
/// Mahoney, *About the test data* (<http://mattmahoney.net/dc/textdata.html>), for the rules of
/// text8, which has no accents.
///
/// ```
/// use vmd_data::text::normalise27;
/// assert_eq!(normalise27("Éva's 42 cats."), "eva s four two cats ");
/// ```
#[must_use]
pub fn normalise27(text: &str) -> String {
    let mut normalised = String::with_capacity(text.len());
    Normaliser27::default().push(text, &mut normalised);
    normalised
}

/// [`normalise27`] for text in pieces, which may be cut anywhere.
#[derive(Debug, Clone, Default)]
pub struct Normaliser27 {
    after_space: bool,
}

impl Normaliser27 {
    /// Appends the next piece to `normalised`.
    pub fn push(&mut self, text: &str, normalised: &mut String) {
        for character in text.chars().flat_map(char::to_lowercase) {
            match character {
                'a'..='z' => self.letters(character.encode_utf8(&mut [0; 4]), normalised),
                '0'..='9' => {
                    self.space(normalised);
                    self.letters(DIGITS[character as usize - '0' as usize], normalised);
                    self.space(normalised);
                }
                // A combining accent belongs to the previous letter.
                '\u{300}'..='\u{36f}' => {}
                _ => match base(character) {
                    Some(letters) => self.letters(letters, normalised),
                    None => self.space(normalised),
                },
            }
        }
    }

    fn letters(&mut self, letters: &str, normalised: &mut String) {
        *normalised += letters;
        self.after_space = false;
    }

    fn space(&mut self, normalised: &mut String) {
        if !self.after_space {
            normalised.push(' ');
        }
        self.after_space = true;
    }
}

const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// The base letters of a lower-case letter of the Latin-1 and Latin Extended-A blocks.
fn base(character: char) -> Option<&'static str> {
    Some(match character {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ª' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĳ' => "ij",
        'ĵ' => "j",
        'ķ' | 'ĸ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' | 'ŉ' | 'ŋ' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'º' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ſ' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}
