//! The fenced blocks of README.md, and of the documents whose sessions are carried out like its.

/// The kinds of blocks. Another would be shown to people and looked at by no test.
const LANGUAGES: [&str; 4] = ["console", "toml", "ini", ""];

/// One block.
#[derive(Debug, PartialEq)]
pub struct Block {
    /// What follows the opening fence.
    pub language: String,
    /// The number of its first line, from 1.
    pub first: usize,
    pub lines: Vec<String>,
}

impl Block {
    pub fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}

pub fn readme() -> String {
    text(README)
}

pub const README: &str = "README.md";
/// Its runbooks.
pub const REPLICATION: &str = "docs/replication.md";

pub fn path(document: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(document)
}

pub fn text(document: &str) -> String {
    std::fs::read_to_string(path(document)).unwrap()
}

/// All of README.md in one language, in its order.
pub fn of(language: &str) -> Vec<Block> {
    in_document(README, language)
}

/// All of a document in one language, in its order.
pub fn in_document(document: &str, language: &str) -> Vec<Block> {
    let mut blocks = read(&text(document));
    blocks.retain(|block| block.language == language);
    assert!(
        !blocks.is_empty(),
        "{document} has no block of `{language}`"
    );
    blocks
}

fn read(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (at, line) in markdown.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(language) => {
                inside = true;
                blocks.push(Block {
                    language: language.to_owned(),
                    first: at + 2,
                    lines: Vec::new(),
                });
            }
            None if inside => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            None => {}
        }
    }
    assert!(!inside, "the last block is not closed");
    blocks
}

#[test]
fn every_block_is_looked_at_by_some_test() {
    for block in read(&readme()) {
        assert!(
            LANGUAGES.contains(&block.language.as_str()),
            "README.md:{}: no test knows what to do with `{}`",
            block.first,
            block.language
        );
    }
}

#[test]
fn blocks_are_found_with_their_lines() {
    let found = read("text\n```toml\na = 1\n\n```\n```\nmake x\n```\n");
    let block = |language: &str, first, lines: &[&str]| Block {
        language: language.to_owned(),
        first,
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
    };
    assert_eq!(
        found,
        [block("toml", 3, &["a = 1", ""]), block("", 7, &["make x"])]
    );
}
