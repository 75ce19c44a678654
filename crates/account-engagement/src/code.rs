//! The service's error codes and what each means for us: one table (apis B8).

use sync_core::error::ErrorClass;

macro_rules! codes {
    ($($number:literal $name:ident $class:ident $text:literal;)*) => {
        /// A documented error code; v3, v4 and v5 share one registry (apis B8).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $text] $name,)*
            /// A code that is not in our table, kept as it came. Of seven digits or more it is
            /// none, and may be somebody's phone number: -1 stands for it, because codes are shown.
            Unknown(i64),
        }

        impl ErrorCode {
            /// Every documented code.
            pub const DOCUMENTED: &[Self] = &[$(Self::$name,)*];

            /// The code with this number.
            #[must_use]
            pub fn from_number(number: i64) -> Self {
                match number {
                    $($number => Self::$name,)*
                    other if other.unsigned_abs() < 1_000_000 => Self::Unknown(other),
                    _ => Self::Unknown(-1),
                }
            }

            /// The number as the service sends it.
            #[must_use]
            pub fn number(self) -> i64 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// What is wrong, in our words: no value of a record is in them.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown(_) => "a code that is not documented",
                }
            }
        }

        /// What a code means for us.
        #[must_use]
        pub fn classify(code: ErrorCode) -> ErrorClass {
            match code {
                $(ErrorCode::$name => ErrorClass::$class,)*
                ErrorCode::Unknown(_) => ErrorClass::Unclassified,
            }
        }
    };
}

// A request that we built wrongly (150 and its like) is `Config`: repeating it does not help, no
// record is to blame, and `Unclassified` is kept for codes we do not know. 209 stands with the
// token codes although we refuse too many filters ourselves: the window is started anew.
codes! {
    // credentials
    1   InvalidKey            Auth "the API key is not valid";
    15  LoginFailed           Auth "log-in failed";
    49  AccessDenied          Auth "access denied";
    126 CredentialsRejected   Auth "the credentials were rejected";
    184 TokenInvalid          Auth "the access token is invalid or expired";
    199 LoginRetired          Auth "this way to log in is retired";
    // the connector's set-up
    46  PermissionMissing     Config "the connector user lacks an ability";
    53  AddressNotActivated   Config "the IP address is not activated";
    76  ApiDisabled           Config "API access is disabled";
    181 UnitHeaderMissing     Config "the business unit header is missing";
    182 UnitHeaderInvalid     Config "the business unit header is not an id";
    201 UnitUnknown           Config "the business unit is unknown or inactive";
    203 NoAdministrator       Config "the business unit has no administrator";
    // allowances
    66  TooManyAtOnce         Throttled "too many calls at once";
    122 DailyLimit            Quota "the calls of the day are used up";
    164 DailyBatchLimit       Quota "the import batches of the day are used up";
    // gone by itself
    62  ConflictingUpdate     Transient "somebody else changed the record at the same time";
    85  SaveFailed            Transient "the record could not be saved";
    157 InternalSave          Transient "an internal error while saving";
    183 InternalError         Transient "an internal error";
    202 ExecutionTimeout      Transient "the call took too long";
    214 MinuteLimit           Transient "the limit per minute is met, or the call took too long";
    244 InternalFailure       Transient "an internal failure";
    // the link points at something else than we think
    3   ProspectNotFound      LinkRepair "the prospect was not found";
    92  ObjectNotFound        LinkRepair "the object was not found";
    109 RecordNotFound        LinkRepair "the record was not found";
    192 ResourceNotFound      LinkRepair "the resource was not found";
    132 InRecycleBin          LinkRepair "the record is in the recycle bin";
    219 ProspectInRecycleBin  LinkRepair "the prospect is in the recycle bin";
    9   ProspectExists        LinkRepair "a prospect with this e-mail address exists";
    54  EmailInUse            LinkRepair "the e-mail address is in use";
    // the record
    4   EmailInvalid          Record "the e-mail address is not accepted";
    10  AssigneeInvalid       Record "the user to assign is not valid";
    11  GroupInvalid          Record "the group to assign is not valid";
    12  AssigneeNotFound      Record "the user to assign was not found";
    47  AssignmentMissing     Record "the assignment names nobody";
    125 AssigneeTwice         Record "both `userId` and `salesforceOwnerId` are given";
    38  CampaignInvalid       Record "the campaign id is not valid";
    39  ProfileInvalid        Record "the profile id is not valid";
    61  AccountInvalid        Record "the prospect account id is not valid";
    55  ListInvalid           Record "the list id is not valid";
    56  NumberFormat          Record "a number is not written as one";
    57  DateFormat            Record "a date is not written as one";
    50  BooleanFormat         Record "a boolean is not written as one";
    58  AlreadyMember         Record "the prospect is on the list already";
    77  FidInvalid            Record "the CRM id is not valid";
    79  FidNotAccessible      Record "the CRM id is not accessible, or belongs to another prospect";
    81  FidMismatch           Record "prospect id and CRM id do not belong together";
    108 InUse                 Record "the record is in use";
    // features that are off because of a CRM connector, or for want of one
    37  OpportunityImmutable  Config "opportunities belong to the CRM connector";
    59  AccountImmutable      Config "prospect accounts belong to the CRM connector";
    83  NoConnector           Config "there is no valid CRM connector";
    103 ConnectorNotDetected  Config "no CRM connector was detected";
    233 ConnectorNotVerified  Config "the CRM connector is not verified";
    234 ConnectorNotV2        Config "the CRM connector is not of version 2";
    235 ConnectorInState      Config "the CRM connector is in this state already";
    // fields
    51  FieldUnknown          Schema "a parameter is not valid or names an unknown field";
    154 PropertyUnknown       Schema "a property is unknown or not writable";
    130 ColumnUnknown         Schema "a column of the file is unknown";
    180 FieldNotAllowed       Schema "a field is not valid for this operation";
    224 FieldNotWritable      Schema "a field is unknown or not writable";
    // requests that we built wrongly
    60  MethodInvalid         Config "the HTTP method is not valid here";
    150 BodyMalformed         Config "the request body is malformed";
    151 BodyMissing           Config "the request body is missing";
    152 BodyInvalid           Config "the request body is not valid";
    153 PropertyMissing       Config "a required property is missing";
    165 ParameterMissing      Config "a required parameter is missing";
    166 ParameterInvalid      Config "a parameter is not valid";
    198 EndpointUnknown       Config "the endpoint is unknown";
    205 ActionUnknown         Config "the action is unknown";
    206 HeaderInvalid         Config "a header is not valid";
    207 ContentTypeInvalid    Config "the content type is not valid";
    208 RequestInvalid        Config "the request is not valid";
    // too many, too large
    63  TooManyRecords        Config "too many records in one request";
    67  TooManyRows           Config "too many rows asked for";
    70  BatchTooLarge         Config "the batch is too large";
    204 FileTooLarge          Config "the file is too large";
    231 BatchFileTooLarge     Config "the file of the batch is too large";
    232 ImportTooLarge        Config "the import is too large";
    // windows of a query
    209 TooManyFilters        Stale "more than three filtered fields";
    210 PageTokenExpired      Stale "the page token has expired";
    211 PageTokenInvalid      Stale "the page token is not valid";
    // state of an import or export: read it again
    155 ImportState155        Stale "the import is not in the right state";
    156 ImportState156        Stale "the import is not in the right state";
    159 ImportState159        Stale "the import or export is not in the right state";
    160 ImportState160        Stale "the import or export is not in the right state";
    161 ImportState161        Stale "the import or export is not in the right state";
    162 ImportState162        Stale "the import or export is not in the right state";
    163 ImportState163        Stale "the import or export is not in the right state";
    178 ImportState178        Stale "the import or export is not in the right state";
    197 ImportState197        Stale "the import or export is not in the right state";
    226 ImportState226        Stale "the import does not fit its state or file";
    227 ImportState227        Stale "the import does not fit its state or file";
    228 ImportState228        Stale "the import does not fit its state or file";
}

impl ErrorCode {
    /// Whether the service refused because what we asked for is the case already.
    #[must_use]
    pub fn is_already_done(self) -> bool {
        matches!(self, Self::AlreadyMember | Self::ConnectorInState)
    }

    /// Whether a write may have landed although the service answered with this code.
    #[must_use]
    pub fn leaves_outcome_open(self) -> bool {
        matches!(
            self,
            Self::InternalError
                | Self::InternalFailure
                | Self::InternalSave
                | Self::ExecutionTimeout
                | Self::MinuteLimit
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorClass::{
        Auth, Config, LinkRepair, Quota, Record, Schema, Stale, Throttled, Transient, Unclassified,
    };

    #[test]
    fn every_code_stands_in_the_operators_page_under_its_class() {
        let page = include_str!("../../../docs/errors/README.md");
        for code in ErrorCode::DOCUMENTED {
            let heading = format!("### {:?}:", classify(*code));
            let section = page.split(&heading).nth(1).unwrap_or_default();
            let section = section.split("### ").next().unwrap_or_default();
            let line = format!("| {} | {} |", code.number(), code.text());
            assert!(section.contains(&line), "{line} under {heading}");
        }
    }

    /// Table B8, row by row, written down a second time.
    const B8: &[(&[i64], ErrorClass)] = &[
        (&[1, 15, 126, 199, 49, 184], Auth),
        (&[181, 182, 201, 46, 76, 203, 53], Config),
        (&[66], Throttled),
        (&[122, 164], Quota),
        (&[202, 214, 62, 183, 85, 157, 244], Transient),
        (&[3, 92, 109, 192, 132, 219, 54, 9], LinkRepair),
        (
            &[
                4, 10, 11, 12, 47, 125, 38, 39, 61, 55, 56, 57, 50, 58, 77, 79, 81, 108,
            ],
            Record,
        ),
        (&[37, 59, 83, 103, 233, 234, 235], Config),
        (&[51, 154, 130, 180, 224], Schema),
        (
            &[150, 151, 152, 153, 165, 166, 206, 207, 208, 198, 205, 60],
            Config,
        ),
        (&[67, 70, 63, 204, 231, 232], Config),
        (&[209, 210, 211], Stale),
        (
            &[155, 156, 159, 160, 161, 162, 163, 178, 197, 226, 227, 228],
            Stale,
        ),
        (&[0, 999, -1], Unclassified),
    ];

    #[test]
    fn a_number_that_is_too_long_for_a_code_is_not_kept() {
        for number in [4_155_550_123, -4_155_550_123, i64::MIN] {
            assert_eq!(ErrorCode::from_number(number), ErrorCode::Unknown(-1));
        }
        assert_eq!(ErrorCode::from_number(9_999), ErrorCode::Unknown(9_999));
    }

    #[test]
    fn every_documented_code_has_its_class() {
        let mut documented = 0;
        for (numbers, class) in B8 {
            for number in *numbers {
                let code = ErrorCode::from_number(*number);
                assert_eq!(classify(code), *class, "code {number}");
                assert_eq!(code.number(), *number);
                documented += usize::from(!matches!(code, ErrorCode::Unknown(_)));
            }
        }
        assert_eq!(
            documented,
            ErrorCode::DOCUMENTED.len(),
            "a code is missing from the test"
        );
    }
}
