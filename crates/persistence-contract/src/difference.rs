//! The `assert_eq!` of the laws. The standard one prints two whole documents; this one prints the lines in which they differ.

use std::fmt::{Arguments, Debug, Write as _};

/// The greatest number of lines that the message shows of each value.
const SHOWN_MAX: usize = 20;

/// As the standard `assert_eq!`, with a shorter message. Takes the place of the standard one in the whole crate.
macro_rules! assert_eq {
    ($left:expr, $right:expr $(,)?) => {
        $crate::difference::assert_equal(&$left, &$right, format_args!("not equal"))
    };
    ($left:expr, $right:expr, $($message:tt)+) => {
        $crate::difference::assert_equal(&$left, &$right, format_args!($($message)+))
    };
}

/// Panics with the message and the differing lines unless both values are equal.
#[track_caller]
pub(crate) fn assert_equal<L, R>(left: &L, right: &R, message: Arguments<'_>)
where
    L: Debug + PartialEq<R> + ?Sized,
    R: Debug + ?Sized,
{
    let lines = || difference(&format!("{left:#?}"), &format!("{right:#?}"));
    assert!(left == right, "{message} (- left, + right){}", lines());
}

/// The lines of `left` (with `-`) and of `right` (with `+`), without the lines that both have at the beginning, at the end, and,
/// if they have equally many lines, at the same place.
fn difference(left: &str, right: &str) -> String {
    let (left, right): (Vec<_>, Vec<_>) = (left.lines().collect(), right.lines().collect());
    if left == right {
        return ": they differ in a value that `Debug` hides, such as a token".to_owned();
    }
    if left.len() == right.len() {
        let (left, right): (Vec<_>, Vec<_>) =
            left.into_iter().zip(right).filter(|(left, right)| left != right).unzip();
        return shown('-', &left) + &shown('+', &right);
    }
    let alike = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let (left, right) = (&left[alike..], &right[alike..]);
    let alike = left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count();
    shown('-', &left[..left.len() - alike]) + &shown('+', &right[..right.len() - alike])
}

/// The first lines, each behind the sign.
fn shown(sign: char, lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines.iter().take(SHOWN_MAX) {
        let _ = write!(text, "\n{sign} {line}");
    }
    if let Some(more) = lines.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        let _ = write!(text, "\n{sign} … and {more} more lines");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_in_which_values_differ_are_shown() {
        std::assert_eq!(
            difference("a {\n  b: 1,\n  c: 2,\n}", "a {\n  b: 1,\n  c: 3,\n}"),
            "\n-   c: 2,\n+   c: 3,"
        );
        std::assert_eq!(difference("[\n  1,\n  2,\n]", "[\n  1,\n]"), "\n-   2,");
        std::assert_eq!(difference("[\n  1,\n]", "[\n  1,\n  1,\n]"), "\n+   1,");
        assert!(difference("a", "a").contains("`Debug` hides"));
    }

    #[test]
    fn a_long_difference_is_cut() {
        let lines: Vec<_> = (0..23).map(|line| line.to_string()).collect();
        let shown = difference(&lines.join("\n"), "");
        assert!(shown.starts_with("\n- 0\n") && shown.ends_with("\n- 19\n- … and 3 more lines"), "{shown}");
    }
}
