dnl HP_WARNINGS: the warnings every file is compiled with; --enable-werror makes them errors.
AC_DEFUN([HP_WARNINGS],[
AC_ARG_ENABLE([werror],[AS_HELP_STRING([--enable-werror],[treat compiler warnings as errors])],[],[enable_werror=no])
HP_WARN_CFLAGS="-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef -Wno-unused-parameter"
AS_IF([test "$enable_werror" = yes],[HP_WARN_CFLAGS="$HP_WARN_CFLAGS -Werror"])
AC_SUBST([HP_WARN_CFLAGS])
])
