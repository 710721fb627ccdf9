// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/cordbg: write another process's memory behind breakpoints
 */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "cordbg.h"

static struct miscdevice cordbg_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "cordbg",
	.fops = &cordbg_fops,
	.mode = 0600,
};

static int __init cordbg_init(void)
{
	int err;

	cordbg_process_init();
	err = cordbg_shadow_init();
	if (err)
		return err;
	err = cordbg_breakpoint_init();
	if (err)
		goto out_shadow;
	err = cordbg_fork_init();
	if (err)
		goto out_breakpoint;
	err = misc_register(&cordbg_device);
	if (!err)
		return 0;
	cordbg_fork_exit();
out_breakpoint:
	cordbg_breakpoint_exit();
out_shadow:
	cordbg_shadow_exit();
	return err;
}

static void __exit cordbg_exit(void)
{
	misc_deregister(&cordbg_device);
	cordbg_breakpoint_exit();
	cordbg_fork_exit();
	cordbg_shadow_exit();
}

module_init(cordbg_init);
module_exit(cordbg_exit);

module_param_named(max_breakpoints, cordbg_max_breakpoints, uint, 0644);
MODULE_PARM_DESC(max_breakpoints, "Breakpoints that one session may hold");

MODULE_AUTHOR("The cordbg developers");
MODULE_DESCRIPTION("Write another process's memory behind breakpoints");
MODULE_LICENSE("GPL");
