//! The kinds of certificate that need a right of their own: those of authorities, and those of GigVault's services.

use crate::denied::Denied;
use crate::grant::Grant;
use crate::profile::Profile;

pub(crate) fn check(profile: &Profile, grant: &Grant) -> Result<(), Denied> {
    let name = &profile.name;
    if profile.is_for_services() && !grant.is_service() {
        return Err(Denied::profile(format!(
            "profile {name} is only for GigVault's own services"
        )));
    }
    if profile.is_authority() && !grant.allows_authority() {
        return Err(Denied::profile(format!(
            "holders of profile {name} sign certificates, CRLs or OCSP responses; it takes the permission \
             authority-certificates:issue"
        )));
    }
    Ok(())
}
