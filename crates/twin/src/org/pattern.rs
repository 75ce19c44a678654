//! Texts in queries: escapes, and the patterns of `LIKE`.

/// A piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// This character.
    One(char),
    /// Any character.
    AnyOne,
    /// Any characters.
    AnyMany,
}

/// A literal without its escapes.
#[must_use]
pub fn unescape(raw: &str) -> String {
    let mut text = String::new();
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n' | 'N') => text.push('\n'),
            Some('r' | 'R') => text.push('\r'),
            Some('t' | 'T') => text.push('\t'),
            Some('b' | 'B') => text.push('\u{8}'),
            Some('f' | 'F') => text.push('\u{c}'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

/// The pattern of `LIKE`.
#[must_use]
pub fn pattern(raw: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '%' => Piece::AnyMany,
            '_' => Piece::AnyOne,
            '\\' => Piece::One(characters.next().unwrap_or('\\')),
            other => Piece::One(other),
        });
    }
    pieces
}

/// Whether a text is like a pattern. Matches from the left and falls back to the last `%` when stuck.
#[must_use]
pub fn is_like(text: &[char], pattern: &[Piece]) -> bool {
    let (mut at, mut piece) = (0, 0);
    let mut fallback: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(piece) {
            Some(Piece::AnyMany) => {
                fallback = Some((piece, at));
                piece += 1;
                continue;
            }
            Some(Piece::AnyOne) => {
                at += 1;
                piece += 1;
                continue;
            }
            Some(Piece::One(expected)) if *expected == text[at] => {
                at += 1;
                piece += 1;
                continue;
            }
            Some(Piece::One(_)) | None => {}
        }
        let Some((star, tried)) = fallback else {
            return false;
        };
        at = tried + 1;
        piece = star + 1;
        fallback = Some((star, at));
    }
    pattern[piece..]
        .iter()
        .all(|piece| *piece == Piece::AnyMany)
}
