/* Reason phrases of the HTTP status codes (RFC 9110 15 and the IANA registry). */
#ifndef NU_WIRE_STATUS_H
#define NU_WIRE_STATUS_H

/* The phrase for a status code; "Unknown Status" for one not registered. Never NULL, static. */
const char *nu_status_reason(unsigned status);

#endif
