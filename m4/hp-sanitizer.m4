dnl HP_SANITIZER: --with-sanitizer=address,undefined   HP_FUZZER: --with-fuzzer (clang's libFuzzer)
AC_DEFUN([HP_SANITIZER],[
AC_ARG_WITH([sanitizer],[AS_HELP_STRING([--with-sanitizer=LIST],[compile with -fsanitize=LIST, e.g. address,undefined])],[],[with_sanitizer=no])
hp_sanitizer=
AS_CASE([$with_sanitizer],
 [no],[],
 [yes],[hp_sanitizer=address,undefined],
 [hp_sanitizer=$with_sanitizer])
HP_SAN_CFLAGS=
AS_IF([test -n "$hp_sanitizer"],[
 HP_SAN_CFLAGS="-fsanitize=$hp_sanitizer -fno-sanitize-recover=all -fno-omit-frame-pointer"
 hp_save_CFLAGS=$CFLAGS; CFLAGS="$CFLAGS $HP_SAN_CFLAGS"
 AC_MSG_CHECKING([whether the compiler takes -fsanitize=$hp_sanitizer])
 AC_LINK_IFELSE([AC_LANG_PROGRAM([],[])],[AC_MSG_RESULT([yes])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([the compiler refuses -fsanitize=$hp_sanitizer])])
 CFLAGS=$hp_save_CFLAGS])
dnl Counts are written at the end, which the sandbox would not let the daemon do.
AC_ARG_ENABLE([coverage],[AS_HELP_STRING([--enable-coverage],[count which lines are run, see make coverage])],[],[enable_coverage=no])
AS_IF([test "$enable_coverage" = yes],[HP_SAN_CFLAGS="$HP_SAN_CFLAGS --coverage -O0 -fprofile-update=atomic"])
AC_SUBST([HP_SAN_CFLAGS])
AS_IF([test -n "$hp_sanitizer" || test "$enable_coverage" = yes],[hp_sanitized=1],[hp_sanitized=0])
AC_DEFINE_UNQUOTED([HP_SANITIZED],[$hp_sanitized],[1: built with sanitizers, which need more of the system])
AM_CONDITIONAL([SANITIZED],[test -n "$hp_sanitizer"])
])
AC_DEFUN([HP_FUZZER],[
AC_ARG_WITH([fuzzer],[AS_HELP_STRING([--with-fuzzer],[link fuzz targets with libFuzzer (needs CC=clang); without it they replay files])],[],[with_fuzzer=no])
hp_fuzzer=$with_fuzzer
HP_FUZZ_CFLAGS=; HP_FUZZ_LDFLAGS=
AS_IF([test "$with_fuzzer" != no],[
 hp_save_CFLAGS=$CFLAGS; CFLAGS="$CFLAGS -fsanitize=fuzzer-no-link"
 AC_MSG_CHECKING([whether the compiler has libFuzzer])
 AC_COMPILE_IFELSE([AC_LANG_PROGRAM([],[])],[AC_MSG_RESULT([yes])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([--with-fuzzer needs clang: ./configure CC=clang --with-fuzzer])])
 CFLAGS=$hp_save_CFLAGS
 HP_FUZZ_CFLAGS=-fsanitize=fuzzer-no-link; HP_FUZZ_LDFLAGS=-fsanitize=fuzzer])
AC_SUBST([HP_FUZZ_CFLAGS])
AC_SUBST([HP_FUZZ_LDFLAGS])
AM_CONDITIONAL([FUZZER],[test "$with_fuzzer" != no])
])
