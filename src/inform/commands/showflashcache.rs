//! `showflashcache`

use super::each;
use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args, row::Row},
    model::{FlashCache, SetName},
};

impl Array {
    /// What a VV set is told about the flash cache; `Clear` if nothing. The layout of this listing is a guess (array fact 124).
    ///
    /// # Errors
    /// [`ArrayError`]; `NotOffered` from Primera on.
    pub async fn showflashcache_vvset(&self, set: &SetName) -> Result<FlashCache, ArrayError> {
        let args = Args::new().with("flash_cache_of", set);
        let all = self
            .read("showflashcache-vvset", &args, |rows| each(rows, policy))
            .await?;
        let mine = all.into_iter().find(|(name, _)| name == set.as_str());
        Ok(mine.map_or(FlashCache::Clear, |(_, policy)| policy))
    }
}

fn policy(row: &Row) -> Result<(String, FlashCache), String> {
    let word = row.opt("policy").unwrap_or_default().to_ascii_lowercase();
    let policy = match word.trim_end_matches('d') {
        "enable" => FlashCache::Enable,
        "disable" => FlashCache::Disable,
        _ => FlashCache::Clear,
    };
    Ok((row.text("set")?.to_owned(), policy))
}
