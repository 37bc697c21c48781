// The keeper connects /dev/nbd0 to the host's disk and stays, so that the root file system that lies on it waits through
// a pulled cable, a restarted service or a card that was plugged anew, and then goes on.
//
//   keeper --host fe80::1 --link stiefellink --port 10809 --export root@ID --boot-id ID [--name NAME] [--timeout 10]
//          [--dead-timeout 86400] [--discovery-port 61570] [--shutdown-port 61571] [--device 0]
//   shutdown poweroff|reboot|halt|kexec      the same program as /run/initramfs/shutdown, run by systemd as process 1
//
// While the root waits nothing can be executed and no file opened, and memory may be short. So everything is opened at
// the start, all memory is static and locked, and this program is linked without shared libraries. It lives in the first
// root file system of the kernel, whose files are gone by then, outlives switch_root, and is spared at shutdown by the @
// in its argv[0] (systemd, "Storage daemons for the root file system").
//
// Three processes: the worker does everything but what may block. The guardian does nothing but start another worker when
// that one dies. The hands bring network cards up: opening one may wait in the kernel for long.
//
// What the kernel's client (drivers/block/nbd.c, 6.1) does, and what follows from it:
//   - The requests that were under way on a connection when it died wait for their own timeout (--timeout, counted from
//     their start) and are then sent anew; all later ones go at once when there is a new connection. So a connection
//     that merely stalls is left alone: TCP heals it sooner than that.
//   - RECONFIGURE is answered with success and ignored while no connection is dead. The sign that a socket was taken is
//     its SO_SNDTIMEO, which the kernel then sets to the timeout.
//   - The kernel's view of "dead" is the socket's state, for it shuts a dead one down: poll() on our copy of the socket
//     tells it, and LINK_DEAD would tell nothing more.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/nbd-netlink.h>
#include <linux/netlink.h>
#include <linux/reboot.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <linux/wireless.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_NICS 32
#define MAX_HEARD 8              // hosts that answered FIND
#define MAX_DIALS (MAX_HEARD + 8)
#define MAX_SLOW 3               // 8 seconds for a greeting
#define MAX_DATAGRAMS 32         // of one socket in one turn
#define MAX_OPTION_DATA 4096     // of one option reply of the host
#define MAX_MOUNTS 1000          // that are looked at when the machine ends
#define MAX_BUSY 20              // attempts for one of them, 50 ms each
#define MAX_TEXT 160             // of what a host says, on the console
#define NAME "stiefel-keeper"
#define GUARD "stiefel-guard"
#define MAX_REST_S 60            // between two workers that die at once

enum {                           // milliseconds
  CONNECT_MS = 400,              // until a SYN counts as lost: a new socket is quicker than TCP's own repetition
  GREETING_MS = 1000,
  ANSWER_MS = 4000,              // the host may have to finish older requests of ours before it answers
  REDIAL_MS = 200,
  AT_ONCE_MS = 1000,             // a connection that ends sooner is followed by ever longer pauses
  MAX_PAUSE_MS = 1600,
  REFUSED_MS = 30000,            // until a host that is not ours is asked again
  ASK_AFTER_MS = 1500,           // without the host at its old address until it is looked for
  ASK_EVERY_MS = 1000,
  START_MS = 6000,               // for the first connection; the caller repeats
  RAISE_MS = 1000,               // between attempts to bring a card up
  HOLD_MS = 400,                 // without an acknowledgement until no further request begins
  QUIET_MS = 3000,               // a shorter stall is not worth a word
  IDLE_QUIET_MS = 8000,          // keepalive asks after 4 s at most without a request, then every second
  STOPPED_WORDS_MS = 600000,     // between reminders that there is no way back
  ADOPT_MS = 500,
  LET_GO_MS = 50,                // for the kernel's receiver of an old socket to end
  END_MS = 10000                 // for the host to take our farewell
};

// --- what was asked for -------------------------------------------------------------------------------------------------
static struct {
  struct in6_addr host;
  char link[IFNAMSIZ];
  int port, discovery_port, shutdown_port, device;
  char export_name[128], boot_id[33], name[65];
  int timeout;                   // seconds, NBD_ATTR_TIMEOUT
  int dead_timeout;              // seconds, NBD_ATTR_DEAD_CONN_TIMEOUT
} settings = {.port = 10809, .discovery_port = 61570, .shutdown_port = 61571, .name = "the host", .timeout = 10,
              .dead_timeout = 86400};

// --- what a new worker must know of the one before it: in memory that both share ------------------------------------------
static struct {
  bool connected;                // the kernel has the device
  uint64_t size;
  uint16_t flags;
  uint32_t block_size;
  struct in6_addr host;          // where it answered last
  uint8_t mac[6];                // of the card that it answered on
  struct usual {
    bool eased;
    char value[256];
  } usual[2];                    // of the easings
} *known;


// --- time and words -------------------------------------------------------------------------------------------------------
static int kmsg = -1;            // /dev/kmsg
static pid_t guardian;
static int caller = -1;          // the pipe to whoever started us, until the first connection

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

// To the consoles and the system's journal, one line.
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  char line[512];
  int n = snprintf(line, sizeof line, "<2>stiefel: ");
  va_list arguments;
  va_start(arguments, format);
  n += vsnprintf(line + n, sizeof line - n, format, arguments);
  va_end(arguments);
  if (n > (int)sizeof line - 2) n = sizeof line - 2;
  line[n++] = '\n';  // without it the kernel would wait for more of the line
  if (kmsg < 0 || write(kmsg, line, n) < 0) return;  // there is nobody else to tell
}

// Before the first connection the caller tells the person, and decides whether to try again. Later it is the guardian.
__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (n > (int)sizeof line - 1) n = sizeof line - 1;
  if (known->connected) say("error: the keeper cannot go on: %s", line);
  else if (write(caller < 0 ? STDERR_FILENO : caller, line, n) < 0) _exit(1);
  _exit(1);
}

// A peer's words are shown, so only what is printable.
static void copy_text(char *to, const uint8_t *from, size_t length) {
  size_t n = 0;
  for (size_t i = 0; i < length && n < MAX_TEXT; i++)
    if (from[i] >= ' ' && from[i] <= '~') to[n++] = (char)from[i];
  to[n] = 0;
}

// --- settings of the kernel that are eased while the root waits -------------------------------------------------------------
static struct easing {
  const char *path, *eased;
  int fd;
} easings[] = {
    // Whoever waits for the disk would be reported as hung, and hung_task_panic would end the machine.
    {.path = "/proc/sys/kernel/hung_task_timeout_secs", .eased = "0\n"},
    // A driver that binds to a card which was plugged anew may ask for a module (network PHYs do); the kernel would then
    // wait for a program on the very disk that waits for the card.
    {.path = "/proc/sys/kernel/modprobe", .eased = "\n"},
};
enum { HUNG_TASK, MODPROBE, EASINGS };

static void open_easings(void) {
  for (int i = 0; i < EASINGS; i++) easings[i].fd = open(easings[i].path, O_RDWR | O_CLOEXEC);
}

static void ease(int which, bool on) {
  struct easing *easing = &easings[which];
  struct usual *usual = &known->usual[which];
  if (easing->fd < 0 || usual->eased == on) return;
  char value[sizeof usual->value];
  ssize_t n = pread(easing->fd, value, sizeof value - 1, 0);
  if (n <= 0) return;
  value[n] = 0;
  bool is_eased = strcmp(value, easing->eased) == 0;
  if (on) strcpy(usual->value, is_eased ? "" : value);
  usual->eased = on;
  // Who has set it meanwhile knows better what is usual.
  if (on != is_eased && (on || *usual->value)) {
    const char *wanted = on ? easing->eased : usual->value;
    if (pwrite(easing->fd, wanted, strlen(wanted), 0) < 0) usual->eased = !on;
  }
}

// --- netlink --------------------------------------------------------------------------------------------------------------
static struct {
  int fd;
  uint32_t sequence;
} generic, route;                // questions and their answers
static int link_events = -1;     // what happens to network cards
static uint16_t nbd_family;

static union {
  struct nlmsghdr header;
  uint8_t bytes[1024];
} question;
static uint8_t received[16384] __attribute__((aligned(8)));

static int open_netlink(int protocol, unsigned groups) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0), protocol);
  if (fd < 0) return -1;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// The message's own fixed part follows the header.
static void *begin(uint16_t type, uint16_t flags, size_t fixed) {
  memset(&question, 0, sizeof question);
  question.header.nlmsg_len = NLMSG_LENGTH(fixed);
  question.header.nlmsg_type = type;
  question.header.nlmsg_flags = NLM_F_REQUEST | flags;
  return NLMSG_DATA(&question.header);
}

static void begin_nbd(uint8_t command) {
  struct genlmsghdr *g = begin(nbd_family, NLM_F_ACK, GENL_HDRLEN);
  g->cmd = command;
  g->version = NBD_GENL_VERSION;
}

static struct nlattr *attribute(uint16_t type, const void *value, size_t length) {
  struct nlattr *a = (struct nlattr *)(question.bytes + NLMSG_ALIGN(question.header.nlmsg_len));
  a->nla_type = type;
  a->nla_len = NLA_HDRLEN + length;
  if (length) memcpy((uint8_t *)a + NLA_HDRLEN, value, length);
  question.header.nlmsg_len = NLMSG_ALIGN(question.header.nlmsg_len) + NLA_ALIGN(a->nla_len);
  return a;
}
static void attribute_u32(uint16_t type, uint32_t value) { attribute(type, &value, sizeof value); }
static void attribute_u64(uint16_t type, uint64_t value) { attribute(type, &value, sizeof value); }

static struct nlattr *begin_nest(uint16_t type) { return attribute(type | NLA_F_NESTED, NULL, 0); }
static void end_nest(struct nlattr *nest) {
  nest->nla_len = question.bytes + question.header.nlmsg_len - (uint8_t *)nest;
}

#define EACH_ATTRIBUTE(a, from, length)                                                        \
  for (struct nlattr *a = (struct nlattr *)(from), *a##_end = (struct nlattr *)((uint8_t *)(from) + (length)); \
       (uint8_t *)a + NLA_HDRLEN <= (uint8_t *)a##_end && a->nla_len >= NLA_HDRLEN &&          \
       (uint8_t *)a + a->nla_len <= (uint8_t *)a##_end;                                        \
       a = (struct nlattr *)((uint8_t *)a + NLA_ALIGN(a->nla_len)))
#define VALUE(a) ((void *)((uint8_t *)(a) + NLA_HDRLEN))

// Asks and gives every message that comes back to `take`; 0 or -errno, as the kernel answered.
static int ask(int fd, uint32_t *sequence, void (*take)(struct nlmsghdr *)) {
  question.header.nlmsg_seq = ++*sequence;
  if (send(fd, &question, question.header.nlmsg_len, 0) < 0) return -errno;
  while (true) {
    ssize_t n = recv(fd, received, sizeof received, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    for (struct nlmsghdr *m = (struct nlmsghdr *)received; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
      if (m->nlmsg_seq != *sequence) continue;
      if (m->nlmsg_type == NLMSG_DONE) return 0;
      if (m->nlmsg_type == NLMSG_ERROR) return ((struct nlmsgerr *)NLMSG_DATA(m))->error;
      if (take) take(m);
    }
  }
}
static int ask_generic(void (*take)(struct nlmsghdr *)) { return ask(generic.fd, &generic.sequence, take); }
static int ask_route(void (*take)(struct nlmsghdr *)) { return ask(route.fd, &route.sequence, take); }

// --- /dev/nbd0 ------------------------------------------------------------------------------------------------------------
static bool in_use;

static void take_family(struct nlmsghdr *m) {
  uint8_t *from = (uint8_t *)NLMSG_DATA(m) + GENL_HDRLEN;
  EACH_ATTRIBUTE(a, from, m->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN))
    if ((a->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_FAMILY_ID) nbd_family = *(uint16_t *)VALUE(a);
}

static int find_nbd(void) {
  struct genlmsghdr *g = begin(GENL_ID_CTRL, NLM_F_ACK, GENL_HDRLEN);
  g->cmd = CTRL_CMD_GETFAMILY;
  g->version = 1;
  attribute(CTRL_ATTR_FAMILY_NAME, NBD_GENL_FAMILY_NAME, sizeof NBD_GENL_FAMILY_NAME);
  return ask_generic(take_family);
}

static void take_status(struct nlmsghdr *m) {
  uint8_t *from = (uint8_t *)NLMSG_DATA(m) + GENL_HDRLEN;
  EACH_ATTRIBUTE(list, from, m->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN))
    EACH_ATTRIBUTE(item, VALUE(list), list->nla_len - NLA_HDRLEN)
      EACH_ATTRIBUTE(a, VALUE(item), item->nla_len - NLA_HDRLEN)
        if ((a->nla_type & NLA_TYPE_MASK) == NBD_DEVICE_CONNECTED) in_use = *(uint8_t *)VALUE(a);
}

static bool device_in_use(void) {
  in_use = false;
  begin_nbd(NBD_CMD_STATUS);
  attribute_u32(NBD_ATTR_INDEX, settings.device);
  return ask_generic(take_status) == 0 && in_use;
}

static void attribute_socket(int fd) {
  struct nlattr *sockets = begin_nest(NBD_ATTR_SOCKETS), *item = begin_nest(NBD_SOCK_ITEM);
  attribute_u32(NBD_SOCK_FD, fd);
  end_nest(item);
  end_nest(sockets);
}

static int nbd_connect(int fd) {
  begin_nbd(NBD_CMD_CONNECT);
  attribute_u32(NBD_ATTR_INDEX, settings.device);
  attribute_u64(NBD_ATTR_SIZE_BYTES, known->size);
  attribute_u64(NBD_ATTR_BLOCK_SIZE_BYTES, known->block_size);
  attribute_u64(NBD_ATTR_SERVER_FLAGS, known->flags);
  attribute_u64(NBD_ATTR_TIMEOUT, settings.timeout);
  attribute_u64(NBD_ATTR_DEAD_CONN_TIMEOUT, settings.dead_timeout);
  attribute_u64(NBD_ATTR_CLIENT_FLAGS, 0);
  attribute_socket(fd);
  return ask_generic(NULL);
}

static int nbd_reconfigure(int fd) {
  begin_nbd(NBD_CMD_RECONFIGURE);
  attribute_u32(NBD_ATTR_INDEX, settings.device);
  attribute_socket(fd);
  return ask_generic(NULL);
}

static int nbd_disconnect(void) {
  begin_nbd(NBD_CMD_DISCONNECT);
  attribute_u32(NBD_ATTR_INDEX, settings.device);
  return ask_generic(NULL);
}

// --- network cards ----------------------------------------------------------------------------------------------------------
static struct nic {
  unsigned index, flags;
  uint8_t mac[6];
  char name[IFNAMSIZ];
  int64_t raised;                // when it was last asked to be brought up
} nics[MAX_NICS];
static int nic_count;
static unsigned link_index;      // the card that the host is behind; 0 when it is gone
static bool look_again;          // events were lost

static struct nic *nic(unsigned index) {
  for (int i = 0; i < nic_count; i++)
    if (nics[i].index == index) return &nics[i];
  return NULL;
}

static struct nic *nic_named(const char *name) {
  for (int i = 0; i < nic_count; i++)
    if (strcmp(nics[i].name, name) == 0) return &nics[i];
  return NULL;
}

static void take_link(struct nlmsghdr *m) {
  if (m->nlmsg_type != RTM_NEWLINK && m->nlmsg_type != RTM_DELLINK) return;
  struct ifinfomsg *info = NLMSG_DATA(m);
  if (info->ifi_family != AF_UNSPEC) return;  // a port of a bridge
  struct nic *n = nic(info->ifi_index);
  if (m->nlmsg_type == RTM_DELLINK) {
    if (n) *n = nics[--nic_count];
    return;
  }
  struct nic seen = {.index = info->ifi_index, .flags = info->ifi_flags};
  bool hardware = info->ifi_type == ARPHRD_ETHER, addressed = false;
  EACH_ATTRIBUTE(a, (uint8_t *)info + NLMSG_ALIGN(sizeof *info), m->nlmsg_len - NLMSG_LENGTH(sizeof *info)) {
    size_t length = a->nla_len - NLA_HDRLEN;
    switch (a->nla_type & NLA_TYPE_MASK) {
      case IFLA_LINKINFO: hardware = false; break;  // bridges, bonds, VLANs, veths
      case IFLA_IFNAME: memcpy(seen.name, VALUE(a), length < IFNAMSIZ ? length : IFNAMSIZ - 1); break;
      case IFLA_ADDRESS:
        addressed = length == 6;
        if (addressed) memcpy(seen.mac, VALUE(a), 6);
        break;
    }
  }
  if (!hardware || !addressed) return;
  if (n) {
    seen.raised = n->raised;
    *n = seen;
  } else if (nic_count < MAX_NICS) {
    nics[nic_count++] = seen;
  }
}

static void list_nics(void) {
  nic_count = 0;
  look_again = false;
  struct ifinfomsg *info = begin(RTM_GETLINK, NLM_F_DUMP, sizeof *info);
  info->ifi_family = AF_UNSPEC;
  if (ask_route(take_link) < 0) look_again = true;
}

static void hear_link_events(void) {
  ssize_t n = 0;
  for (int i = 0; i < MAX_DATAGRAMS && (n = recv(link_events, received, sizeof received, 0)) > 0; i++)
    for (struct nlmsghdr *m = (struct nlmsghdr *)received; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) take_link(m);
  if (n < 0 && errno != EAGAIN && errno != EINTR) look_again = true;
}

static bool has_carrier(unsigned index) {
  struct nic *n = nic(index);
  return n && (n->flags & IFF_UP) && (n->flags & IFF_LOWER_UP);
}

static unsigned index_of_our_card(void) {
  for (int i = 0; i < nic_count; i++)
    if (memcmp(nics[i].mac, known->mac, 6) == 0) return nics[i].index;
  return 0;
}

// --- the hands: a process that brings cards up ------------------------------------------------------------------------------
// Opening a card may wait: the kernel asks for its firmware, maybe on the disk that waits for this very card, and nobody can
// change a network setting meanwhile. So the worker asks another process, and goes on with the cards that it has.
static int hands = -1;           // to them; -1 when there are none

struct raise {
  struct nic card;
  bool ours, rename, first;
};

// By netlink and the card's index: an ioctl with a name that is just gone asks for a module of that name.
static int set_link(unsigned index, const char *name, unsigned flags) {
  struct ifinfomsg *info = begin(RTM_SETLINK, NLM_F_ACK, sizeof *info);
  info->ifi_family = AF_UNSPEC;
  info->ifi_index = index;
  info->ifi_change = info->ifi_flags = flags;
  if (name) attribute(IFLA_IFNAME, name, strlen(name) + 1);
  return ask_route(NULL);
}

// The address that the kernel would make of the card's number (RFC 4291, appendix A), but usable at once: the kernel's
// own waits one to two seconds for a double.
static int add_address(struct nic *n) {
  struct in6_addr address = {.s6_addr = {0xfe, 0x80, [8] = n->mac[0] ^ 2, n->mac[1], n->mac[2], 0xff, 0xfe, n->mac[3],
                                         n->mac[4], n->mac[5]}};
  struct ifaddrmsg *message = begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, sizeof *message);
  message->ifa_family = AF_INET6;
  message->ifa_prefixlen = 64;
  message->ifa_flags = IFA_F_NODAD;
  message->ifa_scope = RT_SCOPE_LINK;
  message->ifa_index = n->index;
  attribute(IFA_LOCAL, &address, sizeof address);
  int result = ask_route(NULL);
  return result == -EEXIST ? 0 : result;
}

static bool is_wireless(struct nic *n) {
  struct iwreq request = {0};
  int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  strcpy(request.ifr_name, n->name);
  bool wireless = s >= 0 && ioctl(s, SIOCGIWNAME, &request) == 0;
  if (s >= 0) close(s);
  return wireless;
}

static void raise_card(struct raise *r) {
  struct nic *n = &r->card;
  if (!r->ours && is_wireless(n)) return;
  // Under the name that the system's network managers were told to leave alone, if that is free.
  if (r->rename && set_link(n->index, settings.link, 0) == 0) strcpy(n->name, settings.link);
  int addressed = add_address(n), up = set_link(n->index, NULL, IFF_UP);
  // ENODEV: it is just going.
  if (r->first && addressed < 0 && addressed != -ENODEV)
    say("%s cannot be given its address: %s", n->name, strerror(-addressed));
  if (r->first && up < 0 && up != -ENODEV) say("%s cannot be brought up: %s", n->name, strerror(-up));
}

static void lock_memory(void) {
  if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0) say("the keeper's memory cannot be locked: %s", strerror(errno));
}

// They end with the worker, whose end of the pair is then closed.
static void start_hands(void) {
  int pair[2];
  hands = -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NAME, "stiefel-hands");
    for (int fd = 3; fd < 64; fd++)
      if (fd != pair[1] && fd != kmsg) close(fd);  // a port or a connection must not stay with them
    route.fd = open_netlink(NETLINK_ROUTE, 0);
    if (route.fd < 0) _exit(1);
    lock_memory();
    struct raise wanted;
    while (recv(pair[1], &wanted, sizeof wanted, 0) == sizeof wanted) raise_card(&wanted);
    _exit(0);
  }
  close(pair[1]);
  if (child < 0)
    close(pair[0]);
  else
    hands = pair[0];
}

static void bring_up(struct nic *n) {
  int64_t t = now();
  if (n->raised && t - n->raised < RAISE_MS) return;
  struct raise wanted = {.card = *n, .ours = n->index == link_index, .first = !n->raised,
                         .rename = strcmp(n->name, settings.link) != 0 && !nic_named(settings.link)};
  n->raised = t;
  if (hands < 0) start_hands();
  // They are busy (EAGAIN) with a card that waits, or they died.
  if (hands >= 0 && send(hands, &wanted, sizeof wanted, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
    close(hands);
    hands = -1;
    n->raised = 0;
  }
}

// Keeps link_index true. A card with our number is ours wherever it is plugged in.
static void follow_cards(void) {
  if (look_again) list_nics();
  if (link_index && !nic(link_index)) {
    say("the network card %s is gone; everything waits", settings.link);
    link_index = 0;
  }
  if (!link_index) {
    link_index = index_of_our_card();
    if (link_index) say("the network card %s is back", settings.link);
  }
}

// One with another number is brought up while ours is missing; it becomes ours when the host answers on it. Not for a cable
// that is out: whoever opens a card may wait for its firmware, and until then the kernel tells no card that it has a carrier.
static void raise_cards(void) {
  bool anyone = !link_index && known->connected;
  for (int i = 0; i < nic_count; i++)
    if (!(nics[i].flags & IFF_UP) && (nics[i].index == link_index || anyone)) bring_up(&nics[i]);
}

// A card that is up and has no address of its own, because nobody gave it one, or somebody took it away.
static void address_anew(unsigned index) {
  struct nic *n = nic(index);
  if (n) bring_up(n);
}

// --- the connection that the kernel has ---------------------------------------------------------------------------------
static struct {
  int fd;                        // our copy of the kernel's socket; -1 when we have none
  struct in6_addr address;
  unsigned index;                // of the card that it goes through
  bool held;                     // no further request begins on it
  int64_t since, dial_next, let_go;
  int pause;                     // milliseconds until the next may be dialled: longer when they end at once
} kept = {.fd = -1};
static struct {
  int64_t since;                 // 0 while all is well
  int64_t next_words;
  bool told;
} outage;
static int64_t last_heard;       // when the host last gave a sign of life
static int64_t stalled_since;    // when sent bytes began to wait for an acknowledgement; 0 when none do
static uint64_t acknowledged;

static void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

// The kernel retransmits what is left in a closed socket for minutes; an old WRITE must not arrive late.
static void let_go_of_kept(void) {
  struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
  if (kept.fd < 0) return;
  shutdown(kept.fd, SHUT_RDWR);
  connect(kept.fd, &unspecified, sizeof unspecified);
  close(kept.fd);
  kept.fd = -1;
  kept.let_go = now();
}

enum { ESTABLISHED = 1, FIN_WAIT1 = 4, LAST_ACK = 9, CLOSING = 11 };  // net/tcp_states.h, which user space lacks

static bool tcp_info(int fd, struct tcp_info *info) {
  socklen_t length = sizeof *info;
  memset(info, 0, sizeof *info);
  return fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length) == 0;
}

static bool alive(struct tcp_info *info) { return tcp_info(kept.fd, info) && info->tcpi_state == ESTABLISHED; }

// Whether TCP may still heal the connection; not when the card that it goes through is gone.
static int keepalive_idle(void) { return settings.timeout < 15 ? 1 + settings.timeout / 5 : 4; }  // seconds

// Milliseconds; keepalive asks after its idle time, then every second.
static uint32_t silence_limit(void) {
  uint32_t before_timeout = settings.timeout * 1000 - 500, after_keepalive = (keepalive_idle() + 3) * 1000;
  return before_timeout > after_keepalive ? before_timeout : after_keepalive;
}

static bool may_heal(void) { return kept.fd >= 0 && kept.index == link_index; }

// Looks after a connection that lives. While nothing is acknowledged, the socket is made to seem full, so that the kernel
// begins no further request on it: one that has begun waits for its timeout if the connection dies, the others do not.
// The connection is ended when nothing was heard for almost the timeout, or nothing of what was sent has arrived for as
// long: whoever in the kernel waits for room in a full socket, or for the second half of a reply, holds a lock that the
// timeouts of requests need, and would make them wait a second timeout. A host that is slow acknowledges all that is sent,
// shuts its window, and answers keepalive.
static void watch_connection(struct tcp_info *info) {
  int64_t t = now();
  uint32_t silence = info->tcpi_last_ack_recv < info->tcpi_last_data_recv ? info->tcpi_last_ack_recv
                                                                          : info->tcpi_last_data_recv;
  last_heard = t - silence;
  if (info->tcpi_unacked == 0 && info->tcpi_notsent_bytes == 0)
    stalled_since = 0;
  else if (!stalled_since || info->tcpi_bytes_acked != acknowledged)
    stalled_since = t;
  acknowledged = info->tcpi_bytes_acked;
  bool hold = stalled_since && t - stalled_since > HOLD_MS;
  if (hold != kept.held) {
    set(kept.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, hold ? 1 : 0 /* the system's own value */);
    kept.held = hold;
  }
  bool lost = stalled_since && info->tcpi_unacked && t - stalled_since > settings.timeout * 1000LL;
  if (lost || silence > silence_limit()) shutdown(kept.fd, SHUT_RDWR);
}

// --- dialling -----------------------------------------------------------------------------------------------------------
enum stage { RESTING, CONNECTING, GREETING, ANSWER };

static struct dial {
  enum stage stage;
  int fd;
  struct in6_addr address;
  unsigned index;                // of the card
  int64_t deadline;              // of the stage; when RESTING, of the rest
  int slow;                      // greetings that did not come in time
  int64_t heard;                 // when a HELLO named this address; 0 for the one that is known
  uint8_t in[20 + MAX_OPTION_DATA];
  size_t have;
  bool described;
  uint64_t size;
  uint16_t flags;
  uint32_t block_size;
} dials[MAX_DIALS];
static int dial_count;

static char reason[MAX_TEXT + 160]; // why there is no connection, from the last dial of the host
static char elsewhere[MAX_TEXT + 1]; // what another that has such a disk said when it refused
static bool stopped;               // for good

// Who answers at the known address of our own card is the host, and its word counts. All others may be anybody.
static bool is_host(struct dial *d) { return !d->heard && d->index == link_index; }

__attribute__((format(printf, 3, 4))) static void rest(struct dial *d, int milliseconds, const char *format, ...) {
  if (d->fd >= 0) close(d->fd);
  d->fd = -1;
  d->stage = RESTING;
  d->deadline = now() + milliseconds;
  va_list arguments;
  va_start(arguments, format);
  if (!d->heard && (!link_index || d->index == link_index)) vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
}

static struct dial *find_dial(const struct in6_addr *address, unsigned index) {
  for (int i = 0; i < dial_count; i++)
    if (dials[i].index == index && IN6_ARE_ADDR_EQUAL(&dials[i].address, address)) return &dials[i];
  return NULL;
}

static void add_dial(const struct in6_addr *address, unsigned index, int64_t heard) {
  struct dial *d = find_dial(address, index);
  if (d) {
    // The address that is known is not another one because it said HELLO too.
    if (!heard || d->heard) d->heard = heard;
    return;
  }
  int others = 0;
  for (int i = 0; i < dial_count; i++) others += dials[i].heard != 0;
  if (dial_count == MAX_DIALS || (heard && others == MAX_HEARD)) return;
  d = &dials[dial_count++];
  memset(d, 0, sizeof *d);
  d->fd = -1;
  d->address = *address;
  d->index = index;
  d->heard = heard;
  d->deadline = kept.dial_next;
}

static void drop_dial(struct dial *d) {
  if (d->fd >= 0) close(d->fd);
  *d = dials[--dial_count];
}

static void drop_dials(void) {
  while (dial_count) drop_dial(&dials[0]);
}

// The host is looked for on its own cable alone, while that is there: what is on other networks is no business of ours.
static bool may_be_on(unsigned index) {
  return has_carrier(index) && (index == link_index || !has_carrier(link_index));
}

// The host's known address, and whoever said HELLO lately.
static void choose_dials(void) {
  for (int i = dial_count - 1; i >= 0; i--)
    if (!may_be_on(dials[i].index) || (dials[i].heard && now() - dials[i].heard > REFUSED_MS)) drop_dial(&dials[i]);
  for (int i = 0; i < nic_count; i++)
    if (may_be_on(nics[i].index)) add_dial(&known->host, nics[i].index, 0);
}

static void start_dial(struct dial *d) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(settings.port), .sin6_addr = d->address,
                            .sin6_scope_id = d->index};
  d->have = 0;
  d->described = false;
  d->block_size = 512;
  d->fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (d->fd < 0) {
    rest(d, REDIAL_MS, "no socket: %s", strerror(errno));
    return;
  }
  set(d->fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // Only so that a silent host is noticed when nothing is asked of it; requests have their own timeout.
  set(d->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(d->fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle());
  set(d->fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set(d->fd, IPPROTO_TCP, TCP_KEEPCNT, 120);
  d->stage = CONNECTING;
  d->deadline = now() + CONNECT_MS;
  if (connect(d->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
    if (errno == EADDRNOTAVAIL || errno == ENETUNREACH) address_anew(d->index);
    rest(d, REDIAL_MS, "%s", strerror(errno));
  }
}

// The NBD protocol's numbers (doc/proto.md): "Fixed newstyle negotiation", "Option types", "Option reply types".
#define IHAVEOPT 0x49484156454f5054ULL
#define OPTION_REPLY 0x0003e889045565a9ULL
#define FIXED_NEWSTYLE 1
#define NO_ZEROES 2
#define OPT_GO 7
#define REP_ACK 1
#define REP_INFO 3
#define REP_ERR(n) (0x80000000u + (n))
#define INFO_EXPORT 0
#define INFO_BLOCK_SIZE 3

static uint16_t u16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return be16toh(v); }
static uint32_t u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return be32toh(v); }
static uint64_t u64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return be64toh(v); }
static uint8_t *put16(uint8_t *p, uint16_t v) { v = htobe16(v); memcpy(p, &v, 2); return p + 2; }
static uint8_t *put32(uint8_t *p, uint32_t v) { v = htobe32(v); memcpy(p, &v, 4); return p + 4; }
static uint8_t *put64(uint8_t *p, uint64_t v) { v = htobe64(v); memcpy(p, &v, 8); return p + 8; }

static void answer_greeting(struct dial *d) {
  uint8_t out[256], *p = out;
  size_t name = strlen(settings.export_name);
  if (memcmp(d->in, "NBDMAGIC", 8) != 0 || u64(d->in + 8) != IHAVEOPT || !(u16(d->in + 16) & FIXED_NEWSTYLE)) {
    rest(d, ASK_EVERY_MS, "what answers at port %d is no NBD server that this machine can use", settings.port);
    return;
  }
  p = put32(p, FIXED_NEWSTYLE | (u16(d->in + 16) & NO_ZEROES));
  p = put64(p, IHAVEOPT);
  p = put32(p, OPT_GO);
  p = put32(p, 4 + name + 2 + 2);
  p = put32(p, name);
  memcpy(p, settings.export_name, name);
  p = put16(p + name, 1);
  p = put16(p, INFO_BLOCK_SIZE);
  if (send(d->fd, out, p - out, MSG_NOSIGNAL) != p - out) {
    rest(d, REDIAL_MS, "%s", strerror(errno));
    return;
  }
  d->have = 0;
  d->stage = ANSWER;
  d->deadline = now() + ANSWER_MS;
}

// Of two handshakes of one boot the host ends the older one, so there is never more than one: the host's own goes first.
static bool my_turn(struct dial *d) {
  for (int i = 0; i < dial_count; i++) {
    struct dial *other = &dials[i];
    if (other == d || other->stage != ANSWER) continue;
    if (!is_host(d)) return false;
    rest(other, ASK_EVERY_MS, "another one goes first");
  }
  return true;
}

// Never asked again: what is left is to say so, now and then.
__attribute__((format(printf, 2, 3))) static void stop(const char *what_is_safe, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  if (!known->connected) give_up("%s", reason);
  drop_dials();
  stopped = true;
  say("error: %s", reason);
  say("power this machine off: hold its power button%s", what_is_safe);
  outage.next_words = now() + STOPPED_WORDS_MS;
}

static void refused(struct dial *d, uint32_t type, const uint8_t *data, size_t length) {
  char words[MAX_TEXT + 1];
  copy_text(words, data, length);
  if (!*words) strcpy(words, "it does not say why");
  if (!is_host(d)) {
    bool never = type == REP_ERR(2) /* POLICY */;
    if (never) strcpy(elsewhere, words);
    rest(d, never ? REFUSED_MS : ASK_EVERY_MS, "another one does not give its disk");
    return;
  }
  if (!known->connected) give_up("%s", words);
  if (type == REP_ERR(2))
    stop("; what was flushed is on its disk", "%s refuses this machine: %s", settings.name, words);
  else
    rest(d, ASK_EVERY_MS, "it does not give its disk: %s", words);
}

static void adopt(struct dial *d);

// Takes one option reply if it is there whole; false when there is nothing more to take now.
static bool take_reply(struct dial *d) {
  if (d->have < 20) return false;
  uint32_t type = u32(d->in + 12), length = u32(d->in + 16);
  if (u64(d->in) != OPTION_REPLY || u32(d->in + 8) != OPT_GO || length > MAX_OPTION_DATA) {
    rest(d, ASK_EVERY_MS, "what answers at port %d breaks the rules of NBD", settings.port);
    return false;
  }
  if (d->have < 20 + length) return false;
  uint8_t *data = d->in + 20;
  if (type == REP_INFO && length >= 12 && u16(data) == INFO_EXPORT) {
    d->size = u64(data + 2);
    d->flags = u16(data + 10);
    d->described = true;
  } else if (type == REP_INFO && length >= 14 && u16(data) == INFO_BLOCK_SIZE) {
    d->block_size = u32(data + 2) > 512 ? u32(data + 2) : 512;
  } else if (type == REP_ACK) {
    adopt(d);
    return false;
  } else if (type & 0x80000000u) {
    refused(d, type, data, length);
    return false;
  }
  d->have -= 20 + length;
  memmove(d->in, d->in + 20 + length, d->have);
  return true;
}

static void receive(struct dial *d) {
  size_t want = d->stage == GREETING ? 18 : sizeof d->in;
  ssize_t n = recv(d->fd, d->in + d->have, want - d->have, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    rest(d, REDIAL_MS, "it closed the connection%s%s", n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
    return;
  }
  d->have += n;
  if (d->stage == GREETING && d->have == 18)
    if (my_turn(d))
      answer_greeting(d);
    else
      rest(d, REDIAL_MS, "another one is being asked");
  else if (d->stage == ANSWER)
    while (take_reply(d)) continue;
}

static void advance(struct dial *d, short events) {
  if (d->stage == CONNECTING && events) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error == ECONNREFUSED) {
      rest(d, REDIAL_MS, "it is there, but its service does not run");
    } else if (error) {
      rest(d, REDIAL_MS, "%s", strerror(error));
    } else {
      // Now, and not when the host has said yes: the kernel's receiver of the old socket declares whatever socket it finds
      // in its place dead when it ends, and should have ended by then.
      let_go_of_kept();
      d->stage = GREETING;
      d->deadline = now() + ((int64_t)GREETING_MS << d->slow);
    }
  } else if (d->stage != RESTING && d->stage != CONNECTING && events) {
    receive(d);
  }
}

static void expire(struct dial *d) {
  if (now() < d->deadline) return;
  switch (d->stage) {
    case RESTING: start_dial(d); break;
    case CONNECTING: rest(d, 0, "it does not answer"); break;
    case GREETING:
      if (d->slow < MAX_SLOW) d->slow++;
      rest(d, 0, "its service does not answer");
      break;
    case ANSWER: rest(d, is_host(d) ? 0 : ASK_EVERY_MS, "it still works on what it got before"); break;
  }
}

// --- taking a new connection ----------------------------------------------------------------------------------------------

static bool adopted(int fd) {
  struct timeval t = {0};
  socklen_t length = sizeof t;
  return getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, &length) == 0 && t.tv_sec == settings.timeout;
}

static void keep(struct dial *d) {
  kept.fd = d->fd;
  kept.address = known->host = d->address;
  kept.index = d->index;
  kept.held = false;
  int64_t t = now();
  bool at_once = kept.since && t - kept.since < AT_ONCE_MS;
  kept.pause = !at_once ? REDIAL_MS : 2 * kept.pause < MAX_PAUSE_MS ? 2 * kept.pause : MAX_PAUSE_MS;
  kept.since = t;
  kept.dial_next = t + kept.pause;
  *reason = *elsewhere = 0;
  d->fd = -1;
  struct nic *n = nic(d->index);
  if (n && link_index != n->index) {
    link_index = n->index;
    memcpy(known->mac, n->mac, 6);
  }
  last_heard = now();
  stalled_since = 0;
  drop_dials();
}

static void connect_device(struct dial *d) {
  known->size = d->size;
  known->flags = d->flags;
  known->block_size = d->block_size;
  int result = nbd_connect(d->fd);
  if (result == -EBUSY) give_up("/dev/nbd%d is in use: another keeper or nbd-client has it", settings.device);
  if (result == -EPERM) give_up("the kernel does not let this user connect /dev/nbd%d", settings.device);
  if (result < 0)
    give_up("the kernel refuses to connect /dev/nbd%d (%llu bytes in blocks of %u): %s", settings.device,
            (unsigned long long)d->size, d->block_size, strerror(-result));
  known->connected = true;
  keep(d);
}

static void reconnect_device(struct dial *d) {
  if (d->size != known->size || d->flags != known->flags || d->block_size != known->block_size) {
    if (is_host(d))
      stop("", "%s's disk is another one now: %llu bytes, flags %x, blocks of %u; it was %llu bytes, flags %x, blocks of %u",
           settings.name, (unsigned long long)d->size, d->flags, d->block_size, (unsigned long long)known->size,
           known->flags, known->block_size);
    else
      rest(d, REFUSED_MS, "it has another disk");
    return;
  }
  let_go_of_kept();
  int64_t early = kept.let_go + LET_GO_MS - now();
  if (early > 0) usleep(early * 1000);
  for (int64_t limit = now() + ADOPT_MS; now() < limit; usleep(10000)) {
    int result = nbd_reconfigure(d->fd);
    if (result == -EINVAL) {
      stop("", "/dev/nbd%d was disconnected on this machine", settings.device);
      return;
    }
    if (result < 0) {
      rest(d, REDIAL_MS, "the kernel does not take the new connection: %s", strerror(-result));
      return;
    }
    if (adopted(d->fd)) {
      keep(d);
      return;
    }
  }
  rest(d, REDIAL_MS, "the kernel does not take the new connection yet");
}

// The host has said yes: the kernel's own calls on the socket must block.
static void adopt(struct dial *d) {
  if (!d->described) {
    rest(d, ASK_EVERY_MS, "what answers at port %d describes no disk", settings.port);
    return;
  }
  fcntl(d->fd, F_SETFL, 0);
  if (known->connected)
    reconnect_device(d);
  else
    connect_device(d);
}

// --- looking for a host that moved (discovery-service/README.md) ---------------------------------------------------------------
static int finder = -1;
static char find_id[33];
static int64_t next_find;

static void find_host(void) {
  uint8_t random[16];
  if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random) return;
  for (int i = 0; i < 16; i++) sprintf(find_id + 2 * i, "%02x", random[i]);
  char datagram[257];
  snprintf(datagram, sizeof datagram, "%-256s", "");
  int n = snprintf(datagram, sizeof datagram, "STIEFEL/1 FIND %s", find_id);
  datagram[n] = ' ';
  for (int i = 0; i < nic_count; i++) {
    if (!may_be_on(nics[i].index)) continue;
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(settings.discovery_port),
                              .sin6_scope_id = nics[i].index, .sin6_addr = {.s6_addr = {0xff, 2, [15] = 1}}};
    sendto(finder, datagram, 256, 0, (struct sockaddr *)&to, sizeof to);
  }
}

static void hear_hello(void) {
  char datagram[257], expected[80];
  struct sockaddr_in6 from;
  socklen_t length;
  ssize_t n;
  int expected_length = snprintf(expected, sizeof expected, "STIEFEL/1 HELLO %s plain=", find_id);
  for (int i = 0; i < MAX_DATAGRAMS; i++) {
    length = sizeof from;
    n = recvfrom(finder, datagram, 256, 0, (struct sockaddr *)&from, &length);
    if (n < 0) return;
    datagram[n] = 0;
    if (outage.since && n > expected_length && memcmp(datagram, expected, expected_length) == 0 &&
        ntohs(from.sin6_port) == settings.discovery_port && IN6_IS_ADDR_LINKLOCAL(&from.sin6_addr) &&
        may_be_on(from.sin6_scope_id))
      add_dial(&from.sin6_addr, from.sin6_scope_id, now());
  }
}

// --- the host wants its disk back -------------------------------------------------------------------------------------------
// UDP, `STIEFEL/1 SHUTDOWN <boot id>` from the host itself; answered with `STIEFEL/1 STOPPING <boot id>`.
#define SYSTEMD_POWEROFF 38      // SIGRTMIN+4 as systemd counts it, with glibc's SIGRTMIN
static int requests = -1;
static int processes = -1;       // /proc

// Only systemd takes that signal for a wish to power off, and not before it runs.
static bool init_is_systemd(void) {
  char name[16] = "";
  int fd = openat(processes, "1/comm", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read(fd, name, sizeof name - 1);
  if (fd >= 0) close(fd);
  return n > 0 && strcmp(name, "systemd\n") == 0;
}

static void hear_request(void) {
  char datagram[65], expected[65];
  struct sockaddr_in6 from;
  socklen_t length = sizeof from;
  ssize_t n = recvfrom(requests, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &length);
  int expected_length = snprintf(expected, sizeof expected, "STIEFEL/1 SHUTDOWN %s", settings.boot_id);
  if (n != expected_length || memcmp(datagram, expected, n) != 0) return;
  if (kept.fd < 0 || from.sin6_scope_id != kept.index || !IN6_ARE_ADDR_EQUAL(&from.sin6_addr, &kept.address)) return;
  if (!init_is_systemd()) return;
  n = snprintf(datagram, sizeof datagram, "STIEFEL/1 STOPPING %s", settings.boot_id);
  sendto(requests, datagram, n, 0, (struct sockaddr *)&from, length);
  static int64_t last;
  if (last && now() - last < 30000) return;
  last = now();
  say("%s asks for its disk: this machine shuts down", settings.name);
  kill(1, SYSTEMD_POWEROFF);
}

// --- the end ----------------------------------------------------------------------------------------------------------------
static bool ending;
static int64_t end_deadline;

// Waits until the host has acknowledged all that was sent to it, the farewell included.
static bool drained(int fd) {
  struct tcp_info info;
  while (now() < end_deadline) {
    if (!tcp_info(fd, &info)) return false;
    if (info.tcpi_unacked == 0 && info.tcpi_state != ESTABLISHED && info.tcpi_state != FIN_WAIT1 &&
        info.tcpi_state != CLOSING && info.tcpi_state != LAST_ACK) {
      int error = 0;
      socklen_t length = sizeof error;
      return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
    }
    usleep(10000);
  }
  return false;
}

__attribute__((noreturn)) static void end(bool live) {
  if (live) set(kept.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0);  // the farewell must not be held back
  // Also without a connection: what still waits for the disk is let go.
  bool told = nbd_disconnect() == 0 && live && drained(kept.fd);
  if (told)
    say("%s has its disk back", settings.name);
  else
    say("%s could not be told that its disk is free; it will know when this machine boots again", settings.name);
  _exit(0);
}

// --- words while everything waits -------------------------------------------------------------------------------------------
// After 3, 15 and 30 seconds, then every minute, after ten minutes every ten.
static int64_t words_after(int64_t waited) {
  if (waited < 15000) return 15000;
  if (waited < 30000) return 30000;
  int64_t step = waited < 600000 ? 60000 : 600000;
  return (waited / step + 1) * step;
}

static void tell(bool live) {
  int64_t t = now();
  if (stopped) {
    if (t < outage.next_words) return;
    outage.next_words = t + STOPPED_WORDS_MS;
    say("error: %s; power this machine off: hold its power button", reason);
    return;
  }
  if (live && t - last_heard < (stalled_since || !has_carrier(link_index) ? QUIET_MS : IDLE_QUIET_MS)) {
    if (outage.told) say("%s is back after %lld s", settings.name, (long long)(t - outage.since + 500) / 1000);
    if (outage.since && t - outage.since > settings.dead_timeout * 1000LL)
      say("error: that was longer than the disk waits (%d s): what wanted it has failed; power this machine off",
          settings.dead_timeout);
    memset(&outage, 0, sizeof outage);
    return;
  }
  if (!outage.since) outage.since = last_heard;
  int64_t waited = t - outage.since;
  if (waited < QUIET_MS || t < outage.next_words) return;
  outage.next_words = outage.since + words_after(waited);
  outage.told = true;
  if (!link_index)
    say("no network card since %lld s; everything waits", (long long)waited / 1000);
  else if (!has_carrier(link_index))
    say("the cable of %s is out since %lld s; everything waits", settings.link, (long long)waited / 1000);
  else if (*elsewhere)
    say("%s unreachable since %lld s, and another one that was found refuses: %s; everything waits", settings.name,
        (long long)waited / 1000, elsewhere);
  else if (live || !*reason)
    say("%s unreachable since %lld s; everything waits", settings.name, (long long)waited / 1000);
  else
    say("%s unreachable since %lld s (%s); everything waits", settings.name, (long long)waited / 1000, reason);
}

// Modules stay off until all is well again: a card that is being set up may ask for one a moment after it has a carrier.
static void ease_kernel(void) {
  ease(HUNG_TASK, outage.since);
  ease(MODPROBE, !has_carrier(link_index) || (known->usual[MODPROBE].eased && outage.since));
}

// --- the worker ---------------------------------------------------------------------------------------------------------------
// Milliseconds until something is due.
static int until_next(bool live) {
  int64_t t = now(), next = t + (live && !stalled_since ? 500 : REDIAL_MS);
  for (int i = 0; i < dial_count; i++)
    if (dials[i].deadline < next) next = dials[i].deadline;
  return next > t ? (int)(next - t) : 0;
}

static void dial_and_find(void) {
  choose_dials();
  for (int i = 0; i < dial_count && !stopped; i++) expire(&dials[i]);
  int64_t t = now();
  if (outage.since && t - last_heard > ASK_AFTER_MS && t >= next_find) {
    next_find = t + ASK_EVERY_MS;
    find_host();
  }
}

// Nobody can put the guardian's place right: whoever is no child of its cannot be watched by it.
static void watch_guardian(void) {
  static bool gone;
  if (gone || getppid() == guardian) return;
  gone = true;
  say("error: the keeper's guardian was killed; when the keeper is, nobody starts another one");
}

__attribute__((noreturn)) static void work(int signals) {
  int64_t started = now();
  last_heard = started;
  while (true) {
    watch_guardian();
    struct tcp_info info;
    bool live = alive(&info);
    if (live) watch_connection(&info);
    follow_cards();
    if (live && !may_heal()) {
      // Its card is gone, so no request may begin on it any more.
      shutdown(kept.fd, SHUT_RDWR);
      live = false;
    }
    if (known->connected) {
      tell(live);
      ease_kernel();
    }
    raise_cards();
    if (ending && (live || stopped || now() > end_deadline)) end(live);
    if (stopped || live)
      drop_dials();
    else
      dial_and_find();
    if (!known->connected && now() - started > START_MS) give_up("%s", *reason ? reason : "the host does not answer");

    struct pollfd ready[4 + 1 + MAX_DIALS] = {
        {.fd = link_events, .events = POLLIN},
        {.fd = finder, .events = POLLIN},
        {.fd = requests, .events = POLLIN},
        {.fd = signals, .events = POLLIN},
        {.fd = live ? kept.fd : -1, .events = POLLRDHUP},
    };
    int dialled = dial_count;
    for (int i = 0; i < dialled; i++)
      ready[5 + i] = (struct pollfd){.fd = dials[i].fd, .events = dials[i].stage == CONNECTING ? POLLOUT : POLLIN};
    poll(ready, 5 + dialled, until_next(live));
    if (ready[0].revents) hear_link_events();
    if (ready[1].revents) hear_hello();
    if (ready[2].revents) hear_request();
    if (ready[3].revents) {
      struct signalfd_siginfo taken;
      if (read(signals, &taken, sizeof taken) > 0 && !ending) {
        ending = true;
        end_deadline = now() + END_MS;
      }
    }
    for (int i = 0; i < dialled; i++) {
      // A dial that is adopted or refused for good drops all others.
      if (i >= dial_count || stopped) break;
      if (ready[5 + i].fd >= 0 && ready[5 + i].fd == dials[i].fd) advance(&dials[i], ready[5 + i].revents);
    }
    if (known->connected && caller >= 0) {
      if (write(caller, "", 1) == 1) close(caller);
      caller = -1;
    }
  }
}

static int udp(int port) {
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
  if (fd < 0) return -1;
  set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static void die_with_words(int number) {
  say("error: the keeper met signal %d", number);
  _exit(128 + number);
}

static void harden(void) {
  for (int number = 1; number < NSIG; number++)
    if (number != SIGCHLD) signal(number, SIG_IGN);
  signal(SIGSEGV, die_with_words);
  signal(SIGBUS, die_with_words);
  signal(SIGILL, die_with_words);
  signal(SIGFPE, die_with_words);
  signal(SIGABRT, die_with_words);
  prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    if (write(fd, "-1000", 5) < 0) say("the keeper may be killed when memory is short: %s", strerror(errno));
    close(fd);
  }
}

__attribute__((noreturn)) static void start_worker(void) {
  guardian = getppid();
  prctl(PR_SET_NAME, NAME);
  sigset_t end_signal;
  sigemptyset(&end_signal);
  sigaddset(&end_signal, SIGUSR1);
  sigprocmask(SIG_BLOCK, &end_signal, NULL);
  signal(SIGUSR1, SIG_DFL);
  signal(SIGCHLD, SIG_IGN);
  start_hands();
  int signals = signalfd(-1, &end_signal, SFD_CLOEXEC | SFD_NONBLOCK);
  generic.fd = open_netlink(NETLINK_GENERIC, 0);
  route.fd = open_netlink(NETLINK_ROUTE, 0);
  link_events = open_netlink(NETLINK_ROUTE, RTMGRP_LINK);
  finder = udp(0);
  requests = udp(settings.shutdown_port);
  if (generic.fd < 0 || route.fd < 0 || link_events < 0 || finder < 0 || signals < 0)
    give_up("a socket cannot be opened: %s", strerror(errno));
  if (requests < 0) say("UDP port %d is taken: the host cannot ask this machine to shut down", settings.shutdown_port);
  int result = find_nbd();
  if (result == -ENOENT) give_up("this kernel has no nbd module loaded");
  if (result < 0) give_up("the kernel refuses netlink for nbd: %s", strerror(-result));
  list_nics();
  if (!known->connected) {
    if (device_in_use()) give_up("/dev/nbd%d is in use: another keeper or nbd-client has it", settings.device);
    struct nic *card = nic_named(settings.link);
    if (!card) give_up("there is no network card %s", settings.link);
    memcpy(known->mac, card->mac, 6);
  }
  link_index = index_of_our_card();
  // Lost events would mean a look at all cards, which waits for whoever changes one.
  set(link_events, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
  lock_memory();
  work(signals);
}

// A worker that died leaves the kernel with its connection. The next one dials a new one: the host then ends the old, and
// the kernel takes the new.
__attribute__((noreturn)) static void guard(void) {
  prctl(PR_SET_NAME, GUARD);
  lock_memory();
  int seconds = 1;
  while (true) {
    int64_t begun = now();
    pid_t worker = fork(), gone;
    if (worker == 0) start_worker();
    int status = 0;
    do
      gone = waitpid(worker, &status, 0);
    while (gone < 0 && errno == EINTR);
    bool in_order = gone > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (in_order || !known->connected) _exit(in_order ? 0 : 1);
    if (caller >= 0) close(caller);
    caller = -1;
    if (now() - begun > MAX_REST_S * 1000) seconds = 1;
    say("the keeper died; another one takes its place");
    sleep(seconds);
    seconds = 2 * seconds < MAX_REST_S ? 2 * seconds : MAX_REST_S;
  }
}

// --- the arguments ------------------------------------------------------------------------------------------------------------
static int number(const char *option, const char *text, int least, int most) {
  char *rest_of_it;
  errno = 0;
  long value = strtol(text, &rest_of_it, 10);
  if (errno || !*text || *rest_of_it || value < least || value > most) {
    fprintf(stderr, "--%s %s: a number from %d to %d is wanted\n", option, text, least, most);
    exit(2);
  }
  return (int)value;
}

static void copy_argument(const char *option, char *to, size_t room, const char *text) {
  if (!*text || strlen(text) >= room) {
    fprintf(stderr, "--%s: 1 to %zu characters are wanted\n", option, room - 1);
    exit(2);
  }
  strcpy(to, text);
}

static void read_arguments(int count, char **words) {
  enum { HOST, LINK, PORT, EXPORT, BOOT_ID, HOST_NAME, TIMEOUT, DEAD_TIMEOUT, DISCOVERY_PORT, SHUTDOWN_PORT, DEVICE };
  static const struct option options[] = {
      [HOST] = {"host", 1, NULL, 0},           [LINK] = {"link", 1, NULL, 0},
      [PORT] = {"port", 1, NULL, 0},           [EXPORT] = {"export", 1, NULL, 0},
      [BOOT_ID] = {"boot-id", 1, NULL, 0},     [HOST_NAME] = {"name", 1, NULL, 0},
      [TIMEOUT] = {"timeout", 1, NULL, 0},     [DEAD_TIMEOUT] = {"dead-timeout", 1, NULL, 0},
      [DISCOVERY_PORT] = {"discovery-port", 1, NULL, 0}, [SHUTDOWN_PORT] = {"shutdown-port", 1, NULL, 0},
      [DEVICE] = {"device", 1, NULL, 0},       {0},
  };
  int which, got;
  while ((got = getopt_long(count, words, "", options, &which)) == 0) {
    const char *name = options[which].name;
    switch (which) {
      case HOST:
        if (inet_pton(AF_INET6, optarg, &settings.host) != 1) {
          fprintf(stderr, "--host %s: an IPv6 address without a zone is wanted\n", optarg);
          exit(2);
        }
        break;
      case LINK: copy_argument(name, settings.link, sizeof settings.link, optarg); break;
      case PORT: settings.port = number(name, optarg, 1, 65535); break;
      case EXPORT: copy_argument(name, settings.export_name, sizeof settings.export_name, optarg); break;
      case BOOT_ID: copy_argument(name, settings.boot_id, sizeof settings.boot_id, optarg); break;
      case HOST_NAME: copy_argument(name, settings.name, sizeof settings.name, optarg); break;
      case TIMEOUT: settings.timeout = number(name, optarg, 2, 120); break;
      case DEAD_TIMEOUT: settings.dead_timeout = number(name, optarg, 60, 31536000); break;
      case DISCOVERY_PORT: settings.discovery_port = number(name, optarg, 1, 65535); break;
      case SHUTDOWN_PORT: settings.shutdown_port = number(name, optarg, 1, 65535); break;
      case DEVICE: settings.device = number(name, optarg, 0, 15); break;
    }
  }
  if (got != -1 || optind != count || IN6_IS_ADDR_UNSPECIFIED(&settings.host) || !*settings.link || !*settings.export_name ||
      strlen(settings.boot_id) != 32) {
    fprintf(stderr, "usage: keeper --host ADDRESS --link LINK --export NAME --boot-id ID [--port N] [--name NAME] "
                    "[--timeout S] [--dead-timeout S] [--discovery-port N] [--shutdown-port N] [--device N]\n");
    exit(2);
  }
}

// --- shutdown ---------------------------------------------------------------------------------------------------------------
// systemd-shutdown has ended all processes but the keeper, unmounted what it could, made /run/initramfs the root and the
// system's root /oldroot.

// The last mount of the table whose path is /oldroot or below, and whether it is on our disk; false when there is none.
static bool last_mount(char *path, size_t room, bool *on_disk) {
  char line[4096];
  bool found = false;
  FILE *mounts = fopen("/proc/self/mounts", "re");
  if (!mounts) return false;
  while (fgets(line, sizeof line, mounts)) {
    char *mount_point = strchr(line, ' ');
    if (!mount_point) continue;
    char *mount_end = strchr(++mount_point, ' ');
    if (!mount_end) continue;
    *mount_end = 0;
    if (strncmp(mount_point, "/oldroot", 8) == 0 && (!mount_point[8] || mount_point[8] == '/') &&
        strlen(mount_point) < room) {
      strcpy(path, mount_point);
      *on_disk = strncmp(line, "/dev/nbd", 8) == 0;
      found = true;
    }
  }
  fclose(mounts);
  return found;
}

// The table writes blanks and such as \040.
static void unescape(char *path) {
  char *to = path;
  for (char *from = path; *from; from++)
    if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
      *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 3;
    } else {
      *to++ = *from;
    }
  *to = 0;
}

static void unmount_old_root(void) {
  char path[4096];
  bool on_disk = false;
  int busy = 0;                  // how often this one was
  for (int mounts = 0; mounts < MAX_MOUNTS && last_mount(path, sizeof path, &on_disk); mounts += busy == 0) {
    unescape(path);
    if (umount2(path, 0) == 0) {
      busy = 0;
      continue;
    }
    int error = errno;
    if (error == EBUSY && ++busy <= MAX_BUSY) {
      usleep(50000);  // what the processes that were killed had open is closed in the kernel's own time
      continue;
    }
    busy = 0;
    // Nothing is left that could end whoever holds it; read-only is as good for the disk.
    if (on_disk && mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
      say("error: %s is still in use and can be written to: %s", path, strerror(error));
    if (umount2(path, MNT_DETACH) < 0) break;
  }
  sync();
}

// Signals the processes of that name; how many there are.
static int signal_all(const char *wanted, int number_of_signal) {
  int count = 0;
  struct dirent *entry;
  DIR *listing = opendir("/proc");
  while (listing && (entry = readdir(listing))) {
    char path[300], name[32];
    pid_t pid = atoi(entry->d_name);
    if (pid <= 1) continue;
    snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    name[n > 0 ? n - 1 : 0] = 0;
    if (strcmp(name, wanted) == 0 && kill(pid, number_of_signal) == 0) count++;
  }
  if (listing) closedir(listing);
  return count;
}

static void flush_disk(void) {
  int fd = open("/dev/nbd0", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) < 0) say("error: the last flush of the root disk failed: %s", strerror(errno));
  if (fd >= 0) close(fd);
}

static void end_keeper(void) {
  bool seen = false;
  for (int64_t limit = now() + END_MS + 2000; now() < limit; usleep(20000)) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    bool there = signal_all(NAME, SIGUSR1) > 0;
    if (!there && (seen || signal_all(GUARD, 0) == 0)) break;
    seen |= there;
  }
  if (!seen) say("error: no keeper is left to tell the host that its disk is free");
  if (signal_all(NAME, 0) > 0) say("error: the keeper does not end");
}

static int shut_down(const char *verb) {
  kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
  if (getpid() != 1) {
    fprintf(stderr, "shutdown: this is for systemd, as process 1 after the system has ended\n");
    return 2;
  }
  unmount_old_root();
  flush_disk();
  end_keeper();
  int how = RB_AUTOBOOT;
  if (strcmp(verb, "poweroff") == 0) how = RB_POWER_OFF;
  if (strcmp(verb, "halt") == 0) how = RB_HALT_SYSTEM;
  if (strcmp(verb, "kexec") == 0) how = RB_KEXEC;
  reboot(how);
  reboot(RB_AUTOBOOT);  // no kernel was loaded for kexec
  while (true) pause();
}

int main(int count, char **words) {
  const char *slash = strrchr(words[0], '/');
  if (strcmp(slash ? slash + 1 : words[0], "shutdown") == 0 && count > 1) return shut_down(words[1]);
  read_arguments(count, words);
  int done[2];
  known = mmap(NULL, sizeof *known, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (known == MAP_FAILED || pipe2(done, O_CLOEXEC) < 0) {
    fprintf(stderr, "no memory\n");
    return 1;
  }
  known->host = settings.host;
  pid_t child = fork();
  if (child == 0) {
    close(done[0]);
    caller = done[1];
    kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    open_easings();
    processes = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    harden();
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    if (chdir("/") < 0) _exit(1);
    words[0][0] = '@';
    guard();
  }
  close(done[1]);
  char answered[512];
  ssize_t n = child < 0 ? -1 : read(done[0], answered, sizeof answered - 1);
  if (n == 1 && !answered[0]) return 0;
  answered[n > 0 ? n : 0] = 0;
  fprintf(stdout, "%s\n", n > 0 ? answered : "the keeper ended without a word");
  return 1;
}
