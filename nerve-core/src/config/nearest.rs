//! The nearest of the names that exist, for "did you mean".

/// The name nearest to `wrong` when it is near enough to be meant: at most 2 edits, and fewer than the name has characters.
pub(super) fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A very long word is no typing error, and the distance costs its length squared.
    if wrong.len() > 64 {
        return None;
    }
    let lower = wrong.to_lowercase();
    let near = names.into_iter().filter(|name| name.len() <= 64).map(|name| (distance(&lower, &name.to_lowercase()), name));
    near.filter(|(edits, name)| *edits <= 2 && *edits < name.chars().count()).min().map(|(_, name)| name)
}

/// How many single edits (insert, delete, replace, swap two neighbours) lead from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 0..from.len() {
        let mut row = vec![i + 1];
        for j in 0..to.len() {
            let mut least = (last[j] + usize::from(from[i] != to[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_single_edits() {
        for (from, to, edits) in [("", "", 0), ("", "ab", 2), ("evry", "every", 1), ("ab", "ba", 1), ("kitten", "sitting", 3)] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
    }

    #[test]
    fn only_near_names_are_offered() {
        let names = ["interval", "throttle", "on"];
        assert_eq!(nearest("intervall", names), Some("interval"));
        assert_eq!(nearest("Interval", names), Some("interval"));
        assert_eq!(nearest("xy", names), None);
        assert_eq!(nearest("something", names), None);
    }
}
