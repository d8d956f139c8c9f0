// Package plots keeps what a home did in each minute of the last week, for the curves of the page: bytes
// sent and received, files published, the age of the queue, and the calls of each limit of the service.
//
// # File
//
// A [Ring] is one file of a fixed size, 1.3 MB: a header, then a slot of 128 bytes for each minute of a
// week. A minute has the slot of its number, so the newest week replaces the one before it and nothing is
// ever moved.
//
//	header  1024 bytes: the magic line with the names of the classes, zeros, CRC-32C of it all
//	slot     128 bytes: CRC-32C of the rest, minute since 1970, sent, received, age of the queue in
//	         seconds, files published, calls of up to 32 classes; little endian
//
// # Guarantees
//
//   - A slot whose sum is wrong is a minute that is not known: a write that a kill cut off costs its own
//     minute and no other. A file whose header is not ours is begun again.
//   - A process that ends leaves all minutes that it added. A power cut may cost those of the last half a
//     minute or so, which the system had not written yet.
package plots
