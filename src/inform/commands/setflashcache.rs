//! `setflashcache`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{FlashCache, SetName},
};

impl Array {
    /// Says whether the volumes of a VV set use the array's flash cache. Proof: [`Array::showflashcache_vvset`].
    ///
    /// # Errors
    /// [`ArrayError`]; the refusals `NotLicensed` and `NotFound` without such a set; `NotOffered` from Primera on, which has no
    /// flash cache (array fact 124).
    pub async fn setflashcache(&self, set: &SetName, policy: FlashCache) -> Result<(), ArrayError> {
        let args = Args::new().with("flash_cache", policy).with("set", set);
        self.change("setflashcache", &args).await
    }
}
