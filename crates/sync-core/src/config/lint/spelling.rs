//! The name somebody probably meant.

/// The candidate closest to a name, if one is close enough to be what was meant.
pub(super) fn suggestion<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let farthest = (name.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= farthest)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The edit distance of two names without regard to case: insertions, deletions, replacements.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_ascii_lowercase().chars().collect();
    let right: Vec<char> = right.to_ascii_lowercase().chars().collect();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, l) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, r) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(l != r);
            let shortest = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            current.push(shortest);
        }
        above = current;
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits_without_case() {
        assert_eq!(distance("phone", "Phone"), 0);
        assert_eq!(distance("FristName", "FirstName"), 2);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn only_close_names_are_suggested() {
        let fields = ["FirstName", "LastName", "Phone"];
        assert_eq!(
            suggestion("FristName", fields.into_iter()),
            Some("FirstName")
        );
        assert_eq!(suggestion("Region__c", fields.into_iter()), None);
    }
}
