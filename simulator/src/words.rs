//! A typed line → commands → words, as the array's shell takes it apart.

/// Splits a line into commands at `;` and each command into words at blanks. A word that begins with `"` or `{` runs to
/// the closing sign and may hold blanks and `;`; a backslash keeps the next character as it is. Empty commands are left
/// out.
///
/// # Errors
/// A sentence, if a quote or a brace is not closed.
pub fn split(line: &str) -> Result<Vec<Vec<String>>, String> {
    let mut commands = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(&next) = chars.peek() {
        match next {
            ';' | '\n' => {
                chars.next();
                commands.push(std::mem::take(&mut words));
            }
            blank if blank.is_whitespace() => {
                chars.next();
            }
            '"' => {
                chars.next();
                words.push(until(&mut chars, '"', None).ok_or("missing \"")?);
            }
            '{' => {
                chars.next();
                words.push(until(&mut chars, '}', Some('{')).ok_or("missing close-brace")?);
            }
            _ => words.push(bare(&mut chars)),
        }
    }
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    Ok(commands)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn until(chars: &mut Chars<'_>, close: char, open: Option<char>) -> Option<String> {
    let mut word = String::new();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        if c == close {
            if depth == 0 {
                return Some(word);
            }
            depth -= 1;
        } else if Some(c) == open {
            depth += 1;
        } else if c == '\\' {
            word.push(chars.next()?);
            continue;
        }
        word.push(c);
    }
    None
}

fn bare(chars: &mut Chars<'_>) -> String {
    let mut word = String::new();
    while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != ';') {
        if c == '\\' {
            word.extend(chars.next())
        } else {
            word.push(c)
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(line: &str) -> Vec<Vec<String>> {
        split(line).unwrap()
    }

    #[test]
    fn semicolons_part_commands_but_not_inside_quotes() {
        assert_eq!(
            words("setclienv csvtable 1 ; showvv;exit"),
            [
                vec!["setclienv", "csvtable", "1"],
                vec!["showvv"],
                vec!["exit"]
            ]
        );
        assert_eq!(
            words("createsched \"createsv -ro a;b c\" @daily"),
            [["createsched", "createsv -ro a;b c", "@daily"]]
        );
        assert_eq!(words(" ;; \n"), Vec::<Vec<String>>::new());
    }

    #[test]
    fn quotes_braces_and_backslashes() {
        assert_eq!(
            words(r#"setvv -comment "" {a {b} c} d\ e "x\"y""#),
            [["setvv", "-comment", "", "a {b} c", "d e", "x\"y"]]
        );
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert!(split("setvv -comment \"abc").is_err());
        assert!(split("x {a").is_err());
    }
}
