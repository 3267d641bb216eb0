"""The error codes the stand-in answers with: each one's HTTP status and the text its parameters fill.

Codes, statuses and parameters are Atlas's (its page "Atlas Administration API Error Codes"); the sentences are ours but
for those seen in live answers. Clients go by the code.
"""

from __future__ import annotations

_DATES = {
    "ALREADY_EXPIRED": (400, "What has expired already cannot be changed."),
    "EXPIRATION_DATE_EXCEEDS_MAX": (400, "The specified expiration date can be at most %d days in the future."),
    "EXPIRATION_DATE_IN_PAST": (400, "The expiration date has to lie in the future."),
    "INVALID_DATE_FORMAT": (400, "%s is not a date."),
    "PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY": (400, "What is permanent cannot be made temporary."),
}

_DATABASE_USERS = {
    "ATLAS_INVALID_AUTH_SETTINGS": (400, "These authentication settings do not go together: %s."),
    "ATLAS_INVALID_DN_METACHARACTERS": (400, "The distinguished name %s holds characters that it must not hold."),
    "ATLAS_INVALID_LDAP_NAME": (400, "%s is not a distinguished name as in RFC 2253."),
    "ATLAS_INVALID_ROLE": (400, "There is no role %s@%s."),
    "ATLAS_INVALID_ROLE_DATABASE": (400, "The role %s is only on the database %s."),
    "ATLAS_INVALID_USERNAME": (400, "%s cannot be the name of a database user."),
    "ATLAS_MANAGED_X509_NAME_INVALID": (400, "A user with managed certificates is named CN=<name>; %s is not."),
    "ATLAS_RESTRICTED_COLLECTION": (400, "The collection %s cannot be in the role %s@%s."),
    "ATLAS_RESTRICTED_ROLE": (400, "The role %s@%s cannot be given."),
    "ATLAS_X509_USER_CANNOT_BE_TEMPORARY": (400, "A user with X.509 cannot be temporary."),
    "ATLAS_X509_USER_CANNOT_USE_LDAP": (400, "One user cannot have both X.509 and LDAP."),
    "ATLAS_X509_USER_CANNOT_USE_SCRAM": (400, "One user cannot have both SCRAM and X.509."),
    "AUTH_TYPE_CANNOT_BE_CHANGED": (409, "How a database user signs in cannot be changed."),
    "BLOCKED_USERNAME": (400, "The name %s is not allowed."),
    "COLLECTION_ROLES_LIMIT_EXCEEDED": (403, "A project can hold at most %d roles on single collections."),
    "COMMON_PASSWORD": (400, "This password is in lists of common passwords."),
    "DATABASE_NAME_CANNOT_BE_CHANGED": (409, "The database of an existing user cannot be changed."),
    "DATABASE_NAME_INVALID_ADMIN": (400, "%s can only be made on the database admin."),
    "DATABASE_NAME_INVALID_EXTERNAL": (400, "Users who sign in elsewhere can only be made on the database $external."),
    "DATABASE_USERNAME_CANNOT_BE_CHANGED": (409, "The name of an existing database user cannot be changed."),
    "DUPLICATE_DATABASE_ROLES": (400, "The user %s is given the same roles twice: %s."),
    "GROUP_USERS_LIMIT_EXCEEDED": (403, "Groups can contain at most %d database users."),
    "INVALID_COLLECTION_NAME": (400, "These are not names of collections: %s."),
    "INVALID_DATABASE_NAME": (400, "%s is not the name of a database."),
    "INVALID_MONGODB_USERNAME": (400, "%s cannot sign in to MongoDB."),
    "MISSING_PASSWORD": (400, "A password is needed."),
    "UNSUPPORTED_ROLE": (400, "This role cannot be given."),
    "USERNAME_NOT_FOUND": (404, "No user with username %s exists."),
    "USER_ALREADY_EXISTS": (409, "A user with username %s already exists."),
    "USER_NOT_FOUND": (404, "No user with ID %s exists."),
    "WEAK_PASSWORD": (400, "This password is too weak."),
}

_CUSTOM_ROLES = {
    "ATLAS_CUSTOM_ROLE_HAS_NO_PERMISSIONS": (400, "A custom role needs an action or a role that it inherits."),
    "ATLAS_CUSTOM_ROLE_INVALID_NAME": (
        400,
        'A custom role cannot be named "%s": ASCII letters, digits, - and _, the first a letter or digit.',
    ),
    "ATLAS_CUSTOM_ROLE_IN_USE_BY_ROLES": (409, "Without it these roles would be empty: %s."),
    "ATLAS_CUSTOM_ROLE_IN_USE_BY_USERS": (409, "Without it these users would have no role: %s."),
    "ATLAS_CUSTOM_ROLE_NAME_ALREADY_EXISTS": (409, "There is a custom role named %s already."),
    "ATLAS_CUSTOM_ROLE_NOT_FOUND": (404, "There is no custom role %s."),
    "ATLAS_DUPLICATE_CUSTOM_ROLE_ACTION": (400, "A custom role cannot name one action twice."),
    "ATLAS_DUPLICATE_CUSTOM_ROLE_RESOURCE": (400, "A custom role cannot name one resource twice for one action."),
    "ATLAS_INVALID_CUSTOM_ROLE_CIRCULAR_DEPENDENCY": (400, "An inherited role inherits this one."),
    "ATLAS_INVALID_CUSTOM_ROLE_INHERITANCE": (400, "An inherited role does not exist."),
    "ATLAS_INVALID_CUSTOM_ROLE_INHERITED_SCOPE": (400, "An inherited role is on a database where it cannot be."),
    "ATLAS_INVALID_CUSTOM_ROLE_RESTRICTED": (400, "There is a built-in role named %s."),
    "ATLAS_INVALID_CUSTOM_ROLE_SELF_REFERENTIAL": (400, "A custom role cannot inherit itself."),
    "ATLAS_INVALID_RESOURCE": (400, "An action is given on a resource that it does not go with."),
    "ATLAS_RESERVED_CUSTOM_ROLE_RESTRICTED": (400, 'A custom role cannot be named %s: "xgen-" is reserved.'),
    "AUTOMATION_CONFIG_CONCURRENT_MODIFICATION": (409, "Somebody else has published changes meanwhile."),
    "CUSTOM_ROLES_LIMIT_EXCEEDED": (403, "There are too many custom roles."),
}

_ACCESS_LIST = {
    "ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED": (403, "There can be at most %d entries."),
    "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND": (404, "The address %s is not on the access list of group %s."),
    "CANNOT_ADD_IP_ADDRESS_TO_WHITELIST": (400, "The address %s cannot be on this list."),
    "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION": (
        400,
        "Security groups of AWS can be listed only with a peering connection.",
    ),
    "DUPLICATE_ADDRESSES_IN_INPUT": (400, "Two of the addresses are the same."),
    "INVALID_CIDR_BLOCK": (400, "%s is not a block in CIDR notation."),
    "INVALID_IP_ADDRESS_OR_CIDR_NOTATION": (400, "%s is neither an address nor a block in CIDR notation."),
    "INVALID_NETWORK_PERMISSION_COMMENT": (400, "A comment has at most 80 characters: %s."),
    "MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY": (400, "An entry is an address or a block, not both."),
    "NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED": (400, "Only addresses can expire."),
    "NOT_IN_IP_RANGE": (404, "The address %s is in no entry of group %s."),
}

_CERTIFICATES = {
    "ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED": (400, "This user has as many certificates as there can be."),
    "CANNOT_GENERATE_CERT_IF_ADVANCED_X509": (400, "With an authority of your own, Atlas issues no certificates."),
    "CERTIFICATE_DOES_NOT_EXIST": (404, "There is no such certificate."),
    "CERT_EXPIRY_CANNOT_EXCEED_TWO_YEARS": (400, "A certificate lives for at most 24 months."),
    "EXPIRED_X509_CA_CERTIFICATE": (400, "The authority's certificate has expired."),
    "USER_NOT_MANAGED_X509": (400, "This user does not have managed certificates."),
}

_PEOPLE = {
    "CANNOT_ADD_ORG_ROLE": (400, "An organization's role cannot be given in a group."),
    "CANNOT_ADD_PENDING_USER": (404, "This user has not accepted the invitation to the organization."),
    "CANNOT_DELETE_LAST_ADMIN": (403, "An organization or project needs an owner."),
    "CANNOT_DELETE_LAST_OWNER": (403, "The last owner cannot be removed from the group."),
    "CANNOT_DEMOTE_LAST_OWNER": (403, "The last owner of the group has to stay one."),
    "DOMAIN_NOT_IN_ALLOW_LIST": (400, "The organization does not allow users of this domain."),
    "INVALID_ROLE_FOR_GROUP": (400, "Role %s is invalid for group %s."),
    "INVALID_USERNAME": (400, "The name of a user is an e-mail address."),
    "INVALID_USER_ID": (404, "%s is not the ID of a user."),
    "MAX_TEAMS_PER_GROUP_EXCEEDED": (400, "There can be at most %s teams in %s."),
    "MAX_USERS_PER_GROUP_EXCEEDED": (400, "There can be at most %s users in %s."),
    "NO_ROLES_IN_ASSIGNMENT": (403, "A team keeps at least one role in a project."),
    "TEAM_EXISTS_IN_GROUP": (409, "The team is in the group already."),
    "TEAM_NOT_FOUND": (404, "No team with ID %s exists."),
    "TEAM_NOT_IN_GROUP": (404, "The team is not in this group."),
    "TEAM_NOT_IN_ORG": (404, "Team %s is not in Organization %s."),
    "USER_NOT_IN_GROUP": (404, "User %s is not in group %s."),
    "USER_NOT_IN_ORG": (404, "User %s is not in organization %s."),
}

_ANYWHERE = {
    "ACCESS_FORBIDDEN": (403, "The current user may not use this resource."),
    "ATLAS_GENERAL_ERROR": (400, "Reason: %s."),
    "ATTRIBUTE_READ_ONLY": (400, "The attribute %s cannot be set."),
    "CLUSTER_NOT_FOUND": (404, "No cluster named %s exists in group %s."),
    "DEFAULT_CONFIG_LIMIT_EXCEPTION": (400, "The limit could not be checked. Please try again."),
    "GROUP_MISMATCH": (400, "The group %s is not the one of the URL."),
    "GROUP_NOT_FOUND": (404, "No group with ID %s exists."),
    "INVALID_ATTRIBUTE": (400, "Invalid attribute %s specified."),
    "INVALID_ENUM_VALUE": (400, "An invalid enumeration value %s was specified."),
    "INVALID_GROUP_ID": (404, "%s is not the ID of a group."),
    "INVALID_JSON": (400, "The JSON has not the form that is expected."),
    "INVALID_JSON_ATTRIBUTE": (400, "The JSON of the attribute %s has not the form that is expected."),
    "INVALID_PATH_PARAMETER": (400, "Invalid path parameter %s specified."),
    "INVALID_QUERY_PARAMETER": (400, "Invalid query parameter %s specified."),
    "INVALID_VERSION_DATE": (406, "Invalid accept header or version date."),
    "IP_ADDRESS_NOT_ON_ACCESS_LIST": (403, "IP address %s is not allowed to access this resource."),
    "MALFORMED_JSON": (400, "This is not JSON."),
    "METHOD_NOT_ALLOWED": (405, "This path does not take %s."),
    "MISSING_ATTRIBUTE": (400, "The required attribute %s was not specified."),
    "MISSING_ATTRIBUTES": (400, "The required attributes %s were not specified."),
    "NOT_IN_GROUP": (401, "The current user is not in the group, or the group does not exist."),
    "NOT_IN_ORG": (401, "The current user is not in the organization, or the organization does not exist."),
    "ORG_NOT_FOUND": (404, "No organization with ID %s exists."),
    "RATE_LIMITED": (429, "Resource %s is limited to %s requests every %s minutes."),
    "RATE_LIMITED_TOKEN_BUCKET": (
        429,
        (
            "Rate limit exceeded for %s. Please retry after %d seconds. "
            "Request capacity: %d. Refill rate: %d per %d seconds."
        ),
    ),
    "RESOURCE_NOT_FOUND": (404, "Cannot find resource %s."),
    "SERVICE_UNAVAILABLE": (503, "The service is unavailable for the moment."),
    "UNEXPECTED_ERROR": (500, "Unexpected error."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "A body has to be JSON."),
    "USER_UNAUTHORIZED": (401, "Current user is not authorized to perform this action."),
    "VALIDATION_ERROR": (400, "The content is not valid: %s."),
}

ERRORS: dict[str, tuple[int, str]] = {
    **_DATES,
    **_DATABASE_USERS,
    **_CUSTOM_ROLES,
    **_ACCESS_LIST,
    **_CERTIFICATES,
    **_PEOPLE,
    **_ANYWHERE,
}
