#include "capture/record/proc_text.h"

#include <gtest/gtest.h>

#include "capture/record/circumstances.h"
#include "capture/record/dump_policy.h"

namespace inquest::capture {
namespace {

constexpr char kMaps[] =
    "5581e0000000-5581e0001000 r--p 00000000 08:01 1234                       /srv/my shop\n"
    "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
    "7f0000001000-7f0000002000 rw-s 00002000 00:01 77                 /dev/shm/x (deleted)\n"
    "nonsense\n"
    "7f0000000800-7f0000003000 r--p 00000000 00:00 0 \n"
    "7fff00000000-7fff00001000 r-xp 00000000 00:00 0                          [vdso]\n";

TEST(ProcText, MapsAreReadAndNonsenseIsLeftOut) {
  const auto mappings = parse_maps(kMaps);
  ASSERT_EQ(mappings.size(), 4u);
  EXPECT_EQ(mappings[0].path, "/srv/my shop");
  EXPECT_EQ(mappings[0].inode, 1234u);
  EXPECT_TRUE(mappings[0].is_file());
  EXPECT_FALSE(mappings[0].write);
  EXPECT_TRUE(mappings[1].write);
  EXPECT_TRUE(mappings[2].shared);
  EXPECT_TRUE(mappings[2].is_deleted());
  EXPECT_EQ(mappings[2].file_offset, 0x2000u);
  EXPECT_EQ(find_mapping(mappings, Address(0x7f0000000fff)), &mappings[1]);
  EXPECT_EQ(find_mapping(mappings, Address(0x7f0000002000)), nullptr);
}

TEST(ProcText, FlagsBelongToTheMappingBeforeThem) {
  const auto flags = parse_smaps_flags(
      "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \nSize: 4 kB\nVmFlags: rd wr mr dd ac \n"
      "7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \nVmFlags: rd dc\nVmFlags: dd\n"
      "7f0000004000-7f0000005000 rw-p");
  ASSERT_EQ(flags.size(), 2u);
  EXPECT_TRUE(flags.at(0x7f0000000000).dont_dump);
  EXPECT_FALSE(flags.at(0x7f0000002000).dont_dump);
  EXPECT_TRUE(flags.at(0x7f0000002000).not_inherited);
}

TEST(ProcText, StatusAndStatAreRead) {
  const ProcessStatus status = parse_status(
      "Name:\tmy shop\nState:\tt (tracing stop)\nTgid:\t71\nPPid:\t7\nUid:\t1\t2\t3\t4\n"
      "VmRSS:\t  12 kB\nSigBlk:\t0000000000000001\nSigCgt:\t0000000000000400\nSeccomp:\t2\n");
  EXPECT_EQ(status.name, "my shop");
  EXPECT_EQ(status.state, 't');
  EXPECT_EQ(status.thread_group, 71);
  EXPECT_EQ(status.uid, 2u);
  EXPECT_EQ(status.resident_kib, 12u);
  EXPECT_EQ(status.caught, 0x400u);
  EXPECT_EQ(status.seccomp, 2);
  const auto stat = parse_stat("71 (a) b) R) S 7 8 9 0 -1 1 2 3 4 5 6 7 8 9 10 11 12 1 4242 5 6");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->session, 9);
  EXPECT_EQ(stat->start_ticks, 4242u);
  EXPECT_FALSE(parse_stat("71 (a"));
}

TEST(DumpPolicy, FollowsTheKernel) {
  const auto mappings = parse_maps(kMaps);
  MappingFlags none, hidden{.dont_dump = true};
  EXPECT_EQ(keep_rule(mappings[0], 0x33, &none).keep, Keep::kWritten);
  EXPECT_EQ(keep_rule(mappings[0], 0x37, &none).keep, Keep::kAll);
  EXPECT_EQ(keep_rule(mappings[0], 0x32, &none).keep, Keep::kNothing);
  EXPECT_EQ(keep_rule(mappings[1], 0x33, &none).keep, Keep::kAll);
  EXPECT_EQ(keep_rule(mappings[1], 0x32, &none).keep, Keep::kNothing);
  EXPECT_EQ(keep_rule(mappings[1], 0x33, &hidden).keep, Keep::kNothing);
  EXPECT_EQ(keep_rule(mappings[2], 0x33, &none).keep, Keep::kAll);  // anonymous by now
  EXPECT_EQ(keep_rule(mappings[2], 0x31, &none).keep, Keep::kNothing);
  EXPECT_EQ(keep_rule(mappings[3], 0, &none).keep, Keep::kAll);  // the vdso always
}

TEST(Cgroup, NamesOfUnitsAndContainers) {
  EXPECT_EQ(names_in_cgroup("0::/system.slice/shop.service\n").unit, "shop.service");
  const std::string id(64, 'a');
  EXPECT_EQ(names_in_cgroup("0::/system.slice/docker-" + id + ".scope").container, "docker " + id);
  EXPECT_EQ(names_in_cgroup("12:pids:/x\n1:name=systemd:/docker/" + id).container, "docker " + id);
  EXPECT_EQ(names_in_cgroup("0::/kubepods.slice/kubepods-burstable.slice/"
                            "kubepods-burstable-pod12_34.slice/cri-containerd-" +
                            id + ".scope")
                .container,
            "kubernetes pod 12_34 container " + id);
  EXPECT_EQ(names_in_cgroup("0::/kubepods/besteffort/pod12-34/" + id).container,
            "kubernetes pod 12-34 container " + id);
  EXPECT_EQ(names_in_cgroup("0::/lxc.payload.web/x").container, "lxc web");
  EXPECT_EQ(names_in_cgroup("0::/").container, "");
  EXPECT_EQ(names_in_cgroup("garbage").path, "");
}

}  // namespace
}  // namespace inquest::capture
