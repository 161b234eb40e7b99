//! What a clone has because its volume has it: compression, flash cache, and the VV set with a QoS rule. Size, provisioning and CPG are
//! filled in with the options, as they are the same on every array; these three are of the array on which the volume was made, so that which
//! array makes the clone has to be known first.

use std::fmt;

use crate::{
    inform::{Array, ArrayError, Refusal, Vv},
    model::{Comment, CreateVolume, Provisioning, VolumeName},
    volume::{error::Cause, service_levels::ServiceLevelError, steps::Steps},
};

/// An option that was not given, and is as it is of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inherited {
    /// `compression`.
    Compression,
    /// `flash-cache`.
    FlashCache,
    /// `qos-name`.
    Qos,
}

impl Inherited {
    /// What to do where a clone cannot have it.
    pub(in crate::volume) fn hint(self) -> &'static str {
        match self {
            Self::Compression => "give `compression=false`, and the clone is not compressed",
            Self::FlashCache => {
                "give `flash-cache=false`, and reads of the clone are not kept there"
            }
            Self::Qos => {
                "give `qos-name` with a VV set that has a rule and is not exported, or make a rule with `setqos`"
            }
        }
    }
}

impl fmt::Display for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compression => "compression",
            Self::FlashCache => "flash-cache",
            Self::Qos => "qos-name",
        })
    }
}

/// What a clone is to be, and what of that its volume decided.
pub(super) struct Filled {
    pub asked: CreateVolume,
    inherited: Vec<Inherited>,
}

impl Filled {
    /// On another array than that on which the volume was made: nothing is taken over.
    pub fn as_asked(asked: &CreateVolume) -> Self {
        Self {
            asked: asked.clone(),
            inherited: Vec::new(),
        }
    }

    /// Takes over what was not given. `array`: the one that makes it, on which the volume was made; `known`: what the index knows of the
    /// volume.
    pub async fn from(
        steps: &Steps,
        array: &Array,
        (parent, comment): (&Vv, &Comment),
        known: &CreateVolume,
        asked: &CreateVolume,
    ) -> Result<Self, Cause> {
        let mut filled = Self::as_asked(asked);
        let Self { asked, inherited } = &mut filled;
        if asked.flash_cache.is_none() && comment.flash_cache.is_some() {
            asked.flash_cache = comment.flash_cache;
            inherited.push(Inherited::FlashCache);
        }
        if asked.qos.is_none() && comment.rule_of().is_some() {
            asked.qos = comment.rule_of().cloned();
            inherited.push(Inherited::Qos);
        }
        // From Primera on it is one with dedup, so that what is asked for as provisioning counts (array fact 125).
        let is_one_with_dedup = !array.release().await?.has_snapshot_cpg();
        let is_decided =
            asked.provisioning == Provisioning::Dedup || asked.provisioning != known.provisioning;
        if asked.compression.is_none()
            && !(is_one_with_dedup && is_decided)
            && is_compressed(steps, array, parent, known).await?
        {
            asked.compression = Some(true);
            inherited.push(Inherited::Compression);
        }
        Ok(filled)
    }

    /// Why it cannot be made; where that is for what was taken over, with which option it can.
    pub fn refused(&self, of: &VolumeName, why: Cause) -> Cause {
        let for_what = match &why {
            Cause::ServiceLevel(
                ServiceLevelError::NoFlashCache { .. } | ServiceLevelError::NotLicensed { .. },
            ) => Inherited::FlashCache,
            Cause::ServiceLevel(
                ServiceLevelError::NoSuchSet { .. }
                | ServiceLevelError::NoRule { .. }
                | ServiceLevelError::SetExported { .. },
            ) => Inherited::Qos,
            Cause::Array(
                ArrayError::NotOffered { .. }
                | ArrayError::Refused {
                    refusal: Refusal::NotLicensed | Refusal::TooSmall | Refusal::Unsupported,
                    ..
                },
            ) => Inherited::Compression,
            _ => return why,
        };
        if !self.inherited.contains(&for_what) {
            return why;
        }
        Cause::Inherited {
            of: of.clone(),
            option: for_what,
            why: Box::new(why),
        }
    }
}

/// The array is asked, as only the host that made a volume knows what was asked for, and nobody of one that was imported.
async fn is_compressed(
    steps: &Steps,
    array: &Array,
    parent: &Vv,
    known: &CreateVolume,
) -> Result<bool, Cause> {
    let look = steps.look("compression", array.showvv_cpprog(&parent.name));
    let told = match look.await {
        Ok(told) => told.and_then(|told| told.compressed),
        Err(Cause::Array(
            error @ (ArrayError::Unrecognised { .. } | ArrayError::Truncated { .. }),
        )) => {
            log::warn!(vv = parent.name.as_str(), array = array.label(), error:% = error;
                "whether it is compressed is not understood: what was asked for counts");
            None
        }
        Err(cause) => return Err(cause),
    };
    Ok(told.unwrap_or(known.compression == Some(true)))
}
