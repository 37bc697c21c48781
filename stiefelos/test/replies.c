// What the keeper makes of a host's bytes: every reply whole, cut at each offset, with each length at its limit and beyond,
// and changed at random. It is built with the sanitizers; a reply that is wrong must end the dial and nothing else.
#define main keeper_main
#include "../root-link/keeper.c"
#undef main
#include <assert.h>

#define ID "0123456789abcdef0123456789abcdef"

static uint8_t wire[3 * MAX_OPTION_DATA];
static size_t wired;

static void add(const void *bytes, size_t length) {
  memcpy(wire + wired, bytes, length);
  wired += length;
}

// "Fixed newstyle negotiation": the greeting and a reply to NBD_OPT_GO.
static void greeting(uint16_t flags) {
  uint8_t bytes[18];
  memcpy(bytes, "NBDMAGICIHAVEOPT", 16);
  put16(bytes + 16, flags);
  add(bytes, 18);
}
static void reply(uint32_t type, const void *data, uint32_t length, uint32_t said) {
  uint8_t bytes[20], *p = put64(bytes, OPTION_REPLY);
  p = put32(p, OPT_GO);
  p = put32(p, type);
  put32(p, said);
  add(bytes, 20);
  add(data, length);
}
static void export_reply(uint64_t size, uint16_t flags) {
  uint8_t data[12];
  put16(put64(put16(data, INFO_EXPORT), size), flags);
  reply(REP_INFO, data, 12, 12);
}
static void block_size_reply(uint32_t least) {
  uint8_t data[14];
  put32(put32(put32(put16(data, INFO_BLOCK_SIZE), least), 4096), 1 << 25);
  reply(REP_INFO, data, 14, 14);
}

// Plays `wire` to a dial of another card than the host's, in pieces of `piece` bytes, and closes. What the dial has become:
// its size when it was described, for the disk is never the known one.
static struct dial play(size_t length, size_t piece) {
  int pair[2];
  assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  fcntl(pair[0], F_SETFL, O_NONBLOCK);
  drop_dials();
  add_dial(&settings.host, 7, now());
  struct dial *d = &dials[0];
  d->fd = pair[0];
  d->stage = GREETING;
  d->block_size = 512;
  for (size_t at = 0; at < length && d->stage != RESTING; at += piece) {
    size_t n = length - at < piece ? length - at : piece;
    assert(send(pair[1], wire + at, n, MSG_NOSIGNAL) == (ssize_t)n);
    for (int i = 0; i < 3 && d->stage != RESTING; i++) receive(d);
  }
  shutdown(pair[1], SHUT_WR);
  for (int i = 0; i < 8 && d->stage != RESTING; i++) receive(d);
  assert(dial_count == 1 && d->stage == RESTING && d->fd == -1 && kept.fd == -1 && !stopped);
  close(pair[1]);
  return *d;
}

static void good(void) {
  wired = 0;
  greeting(FIXED_NEWSTYLE | NO_ZEROES);
  export_reply(3 << 20, 0x6d);
  block_size_reply(4096);
  reply(REP_ACK, "", 0, 0);
}

int main(void) {
  static typeof(*known) memory;
  known = &memory;
  known->connected = true;
  known->size = 1;
  inet_pton(AF_INET6, "fe80::1", &settings.host);
  strcpy(settings.export_name, "root@" ID);
  strcpy(settings.boot_id, ID);

  good();
  for (size_t piece = 1; piece <= wired; piece++) {
    struct dial d = play(wired, piece);
    assert(d.described && d.size == 3 << 20 && d.flags == 0x6d && d.block_size == 4096);
  }
  for (size_t length = 0; length < wired; length++) play(length, length + 1);

  static const uint32_t lengths[] = {0, 1, 11, MAX_OPTION_DATA, MAX_OPTION_DATA + 1, 0x7fffffff, 0xffffffff};
  static const uint32_t types[] = {REP_INFO, REP_ACK, 2, REP_ERR(1), REP_ERR(2), REP_ERR(6), 0xffffffff};
  static uint8_t data[MAX_OPTION_DATA];
  memset(data, 0xff, sizeof data);
  for (size_t t = 0; t < sizeof types / sizeof *types; t++)
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      wired = 0;
      greeting(FIXED_NEWSTYLE);
      reply(types[t], data, lengths[l] < sizeof data ? lengths[l] : sizeof data, lengths[l]);
      assert(!play(wired, 1000).described);
    }

  // A refusal that is for the screen holds only what can be printed, and not much of it.
  wired = 0;
  greeting(FIXED_NEWSTYLE);
  memset(data, 'x', sizeof data);
  memcpy(data, "\033[2J", 4);
  reply(REP_ERR(2), data, sizeof data, sizeof data);
  play(wired, 4096);
  assert(strlen(elsewhere) == MAX_TEXT && memcmp(elsewhere, "[2Jx", 4) == 0);

  srandom(1);
  for (int i = 0; i < 20000; i++) {
    good();
    for (int n = random() % 4; n >= 0; n--) wire[random() % wired] = random();
    play(wired, 1 + random() % wired);
  }
  puts("well");
  return 0;
}
