//! `growvv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{Size, VvName},
};

impl Array {
    /// Makes a volume larger by `added`, and its copy on the other array with it where the configuration is mirrored (array fact
    /// 122). Given twice it grows twice: look with [`Array::showvv`] before and after.
    ///
    /// # Errors
    /// [`ArrayError`]; the refusals `PhysicalCopy`, `Copying`, `InRemoteCopy`, `TooLarge`, `NoSpace`.
    pub async fn growvv(&self, vv: &VvName, added: Size) -> Result<(), ArrayError> {
        let args = Args::new().with("name", vv).size("size", added);
        self.change("growvv", &args).await
    }
}
